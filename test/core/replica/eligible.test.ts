import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import { parseEntities } from '../../../core/access/entity-json.ts';
import type { Grant } from '../../../core/access/grant.ts';
import { LockIndex } from '../../../core/access/lock-index.ts';
import type { Cast, KeptCast } from '../../../core/access/sign-in.ts';
import { createEngine } from '../../../core/policy/engine.ts';
import { readDirectoryFile, readPolicyFolder } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { type Beginning, beginningOf, stepsFilledBy } from '../../../core/replica/eligible.ts';
import { letIn } from '../../../core/replica/let-in.ts';
import type { Rules } from '../../../core/replica/rights.ts';
import { plainGrant } from '../../support/plain-grant.ts';

const OFFICE = fileURLToPath(new URL('../../support/office', import.meta.url));
const DEMANDS = `
@id("fresh")
forbid (principal, action == Curfew::Action::"approve", resource == Database::"orders")
unless { context has auth && context.auth has time && context.now.durationSince(context.auth.time) < duration("5m") };

@id("office-hours")
forbid (principal, action == Curfew::Action::"approve", resource == Database::"ledger")
unless { context.now.toTime() >= duration("9h") && context.now.toTime() < duration("17h") };

@id("without-password")
forbid (principal, action == Curfew::Action::"approve", resource == Database::"ledger")
when { context has auth && context.auth.methods.contains("pwd") };

@id("with-a-key")
forbid (principal, action == Curfew::Action::"approve", resource == Database::"ledger")
unless { context has auth && context.auth.methods.contains("hwk") };

@id("writers") @approvals("owner") @max("1h") @rank("1")
permit (principal, action == Curfew::Action::"request", resource == Database::"scratch")
when { context.request.actions.contains("write") };

@id("starters") @approvals("owner") @max("1h") @rank("2")
permit (principal, action == Curfew::Action::"request", resource == Database::"scratch")
when { context.request has startsAt };

@id("boss-of-scratch") @step("boss")
permit (principal == User::"cy", action == Curfew::Action::"approve", resource == Database::"scratch");

@id("owners-of-scratch") @step("owner")
permit (principal, action == Curfew::Action::"approve", resource == Database::"scratch")
when { context.request.duration >= duration("1h") };
`;
const user = (id: string) => ({ type: 'User', id });
const bob = user('bob');
const at = new Date('2026-01-01T12:00:00Z');
const tomorrow = new Date('2026-01-02T20:00:00Z');
const minutesBefore = (minutes: number): Date => new Date(at.getTime() - minutes * 60_000);

let rules: Rules;
beforeAll(async () => {
  const files = new Map(await readPolicyFolder(OFFICE));
  const schema = files.get('schema.cedarschema') ?? '';
  files.set(
    'schema.cedarschema',
    schema.replace(/(action approve .*context: \{)/, '$1 auth?: { time?: datetime, methods: Set<String> },'),
  );
  files.set('workflows/demands.cedar', DEMANDS);
  const loaded = await loadPolicies(files);
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const directory = new Directory();
  for (const entity of parseEntities((await readDirectoryFile(OFFICE)) ?? '')) directory.apply(entity);
  rules = { engine: createEngine(loaded.policies), directory, generation: 1, locks: new LockIndex() };
});

/** A grant to ada that bob approved and that has waited until tomorrow. */
function waiting(resource: string, cast?: Cast): Grant {
  return {
    ...plainGrant,
    id: 'a-grant',
    requestId: 'a-request',
    item: 0,
    reason: 'to see',
    ticket: '',
    startsAt: tomorrow,
    expiresAt: new Date(tomorrow.getTime() + plainGrant.durationMs),
    requester: user('ada'),
    subject: user('ada'),
    approvers: [bob],
    ...(cast === undefined ? {} : { casts: [cast] }),
    actions: [{ type: 'Action', id: 'read' }],
    resource: { type: 'Database', id: resource },
    workflow: 'one',
    steps: ['owner'],
    seats: [1],
  };
}

const withKey = { at: minutesBefore(1), methods: ['hwk'] };

test.each<readonly [string, string, Cast | undefined, boolean]>([
  ['after a fresh sign-in', 'orders', { at, signIn: { at: minutesBefore(4), methods: [] } }, true],
  ['after an old one', 'orders', { at, signIn: { at: minutesBefore(6), methods: [] } }, false],
  ['after one of unknown time', 'orders', { at, signIn: { at: undefined, methods: ['hwk'] } }, false],
  ['by a token that says nothing', 'orders', { at, signIn: undefined }, false],
  ['at a time that nobody kept', 'orders', undefined, false],
  ['within office hours', 'ledger', { at, signIn: withKey }, true],
  ['outside of them', 'ledger', { at: tomorrow, signIn: withKey }, false],
])(
  'W14 a grant begins a day later by an approval that was cast %s: %s',
  (_which, resource, cast, expected) => {
    expect(beginningOf(rules, waiting(resource, cast), tomorrow)).toBe(expected ? 'in' : 'out');
  },
);

function lockOn(who: EntityUid, createdAt: Date, expiresAt?: Date): LockIndex {
  const locks = new LockIndex();
  const target = { kind: 'entity', uid: who } as const;
  locks.add({ id: 'l', target, reason: 'away', createdBy: user('dee'), createdAt, expiresAt });
  return locks;
}

const scratch = { ...waiting('scratch', { at, signIn: undefined }), steps: ['owner'] };
const asked = { actions: ['read', 'write'].map((id) => ({ type: 'Action', id })) };

test.each<readonly [string, Partial<Grant>, boolean]>([
  ['actions that it was asked for with', { workflow: 'writers', asked }, true],
  ['actions that nobody asked for', { workflow: 'writers' }, false],
  ['a start that was asked for', { workflow: 'starters', asked: { startsAt: tomorrow } }, true],
  ['a start that nobody asked for', { workflow: 'starters' }, false],
  ['time that it was asked for', { workflow: 'writers', asked, durationMs: 1 }, false],
  [
    'time that it was narrowed from',
    { workflow: 'writers', asked: { ...asked, durationMs: 3_600_000 }, durationMs: 1 },
    true,
  ],
])('a grant is let in, and begins, by %s', (_which, change, expected) => {
  const grant = { ...scratch, ...change };
  expect(beginningOf(rules, grant, tomorrow)).toBe(expected ? 'in' : 'out');
  // How long it lasts is nothing to the workflow here, only to its approver.
  expect(letIn(rules, grant)).toBe(expected || change.durationMs !== undefined ? 'in' : 'out');
});

const kept = (reviewer: string, filled: readonly string[], stoodIn: readonly string[] = []): KeptCast => ({
  reviewer: user(reviewer),
  at,
  signIn: undefined,
  filled,
  stoodIn,
});

test.each<readonly [string, readonly KeptCast[], Beginning]>([
  ['each by what they still may fill', [kept('bob', ['owner']), kept('dee', ['security'])], 'in'],
  ['one as what they may be no more', [kept('bob', ['owner']), kept('eve', ['security'])], 'out'],
  ['nobody as what two of them may be by now', [kept('bob', ['owner']), kept('dee', ['owner'])], 'out'],
  ['one who stood in then and still may', [kept('bob', ['owner']), kept('cy', [], ['boss'])], 'in'],
  ['one who would stand in only now', [kept('bob', ['owner']), kept('eve', []), kept('cy', [])], 'out'],
  ['one who stood in then and may no more', [kept('bob', ['owner']), kept('dee', [], ['boss'])], 'out'],
  [
    'more than had to, when one of them has left',
    [kept('gone', ['owner']), kept('dee', ['owner', 'security']), kept('bob', ['owner'])],
    'in',
  ],
])('W4 of a grant that waits for its start, approved by %s', (_which, casts, expected) => {
  const approvers = casts.slice(0, 2).flatMap(({ reviewer }) => reviewer ?? []);
  const seated = { steps: ['owner', 'security'], seats: [1, 1], approvers, casts };
  expect(beginningOf(rules, { ...scratch, workflow: 'writers', asked, ...seated }, tomorrow)).toBe(expected);
});

test('W14 an approval counts no more when its reviewer is gone by then, and is waited for while they are locked', () => {
  const grant = waiting('orders', { at, signIn: { at: minutesBefore(1), methods: [] } });
  const locks = lockOn(bob, tomorrow);
  expect(beginningOf({ ...rules, locks }, grant, tomorrow)).toBe('held');
  expect(beginningOf({ ...rules, directory: new Directory() }, grant, tomorrow)).toBe('out');
});

test('a grant that waits is held while whoever asked for it is locked', () => {
  const grant = waiting('orders', { at, signIn: { at: minutesBefore(1), methods: [] } });
  const locks = lockOn(user('ada'), minutesBefore(60), new Date(tomorrow.getTime() + 1));
  expect(beginningOf({ ...rules, locks }, grant, tomorrow)).toBe('held');
  expect(beginningOf({ ...rules, locks }, grant, new Date(tomorrow.getTime() + 1))).toBe('in');
});

test('a lock that was over before it is asked about takes no vote away that was cast under it', () => {
  const grant = waiting('orders', { at, signIn: { at: minutesBefore(1), methods: [] } });
  const locks = lockOn(bob, minutesBefore(60), new Date(at.getTime() + 60_000));
  expect(beginningOf({ ...rules, locks }, grant, tomorrow)).toBe('in');
});

test('whoever could fill a step after some sign-in of now is found, whichever methods policies want or refuse', () => {
  const steps = (resource: string, reviewer: string, now: Date) => {
    const { resource: uid, ...grant } = waiting(resource);
    const request = { ...grant, id: 'r', breakGlass: false };
    const item = { actions: grant.actions, resource: uid, workflow: { id: 'one' } };
    return stepsFilledBy(rules, request, item, { reviewer: user(reviewer) }, now);
  };
  expect(steps('orders', 'bob', at)).toEqual(['owner']);
  expect(steps('ledger', 'bob', at)).toEqual(['owner']);
  expect(steps('ledger', 'bob', tomorrow)).toEqual([]);
  expect(steps('orders', 'eve', at)).toEqual([]);
});
