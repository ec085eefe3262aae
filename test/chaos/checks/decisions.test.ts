import { expect, it } from 'vitest';
import type { Answer, Asked, Change, Fault, History } from '../history.ts';
import type { GrantFacts } from '../ledger-facts.ts';
import { checkDecisions } from './decisions.ts';

const GRANT: GrantFacts = {
  id: 'g',
  requestId: 'r',
  item: 0,
  principal: 'ada0',
  action: 'read',
  resource: 'prod0',
  startedRevision: 10n,
  startsAt: 100_000,
  expiresAt: 200_000,
  endedRevision: 20n,
};

type Decided = Extract<Answer, { readonly kind: 'decision' }>;

function asked(answer: Partial<Decided>, question: Partial<Asked> = {}): Asked {
  return {
    replica: 'decision-0',
    principal: 'ada0',
    action: 'read',
    resource: 'prod0',
    atLeastRevision: 0n,
    isPoisoned: false,
    sentMs: 1_000,
    sentAt: 150_000,
    receivedMs: 1_001,
    answer: { kind: 'decision', effect: 'ALLOW', grantId: 'g', revision: 15n, decidedAt: 150_000, ...answer },
    ...question,
  };
}

const released: Change = {
  what: 'release',
  by: 'ada0',
  id: 'g',
  invokedMs: 1_990,
  completedMs: 2_000,
  outcome: { kind: 'ok', revision: 20n },
};

const silence = { name: 'postgres SIGSTOP', isSilence: true, fromMs: 1_000, toMs: 5_000 };

function found(
  question: Asked,
  rest: { readonly changes?: Change[]; readonly faults?: Fault[] } = {},
): string[] {
  const history: History = { changes: rest.changes ?? [], faults: rest.faults ?? [], asked: [question] };
  const violations = checkDecisions(history, { events: [], grants: new Map([[GRANT.id, GRANT]]) });
  return violations.map((violation) => violation.invariant);
}

it('an ALLOW by a live grant, and a DENY where there is none, are well', () => {
  expect(found(asked({}))).toEqual([]);
  expect(found(asked({ effect: 'DENY', grantId: '', revision: 9n }))).toEqual([]);
  expect(found(asked({ effect: 'DENY', grantId: '', revision: 20n }))).toEqual([]);
  expect(found(asked({ effect: 'DENY', grantId: '', decidedAt: 200_000 }))).toEqual([]);
  expect(found(asked({ effect: 'DENY', grantId: '' }, { isPoisoned: true }))).toEqual([]);
  expect(found({ ...asked({}), answer: { kind: 'error', reason: 'STALE' } })).toEqual([]);
});

it.each<[string, Asked]>([
  ['I1', asked({ decidedAt: 200_000 })],
  ['I1', asked({}, { sentAt: 200_051 })],
  ['I3', asked({ revision: 20n })],
  ['I3', asked({ revision: 15n }, { atLeastRevision: 16n })],
  ['I13', asked({ grantId: 'nobody knows' })],
  ['I14', asked({ revision: 9n })],
  ['I17', asked({}, { principal: 'ada1' })],
  ['I17', asked({ effect: 'DENY', grantId: '' })],
  ['D1', asked({}, { isPoisoned: true })],
])('%s is found violated', (invariant, question) => {
  expect(found(question)).toEqual([invariant]);
});

it('I2 an ALLOW that was asked for later than S after an acknowledged end is found', () => {
  expect(found(asked({}, { sentMs: 4_051 }), { changes: [released] })).toEqual(['I2']);
  expect(found(asked({}, { sentMs: 3_900 }), { changes: [released] })).toEqual([]);
});

it('I16 an ALLOW in a silence longer than S is found, on the replica that it befell', () => {
  const late = asked({}, { sentMs: 3_100, receivedMs: 3_101 });
  expect(found(late, { faults: [silence] })).toEqual(['I16']);
  expect(found(late, { faults: [{ ...silence, replica: 'decision-0' }] })).toEqual(['I16']);
  expect(found(late, { faults: [{ ...silence, replica: 'decision-1' }] })).toEqual([]);
  expect(found(asked({}, { sentMs: 2_900, receivedMs: 2_901 }), { faults: [silence] })).toEqual([]);
});
