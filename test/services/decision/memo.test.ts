import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityUid } from '../../../core/access/entity.ts';
import { uidKey } from '../../../core/access/entity.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { type Answer, answerAt } from '../../../services/decision/authorize.ts';
import { createMemo, noMemo } from '../../../services/decision/memo.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import { applied, type LocalDecision, localDecision, questionOf } from './local-decision.ts';
import {
  action,
  attributes,
  bool,
  entity,
  goodContext,
  ip,
  long,
  person,
  ref,
  set,
  site,
  team,
  text,
  vault,
} from './people.ts';
import { policyFiles } from './policy-files.ts';

const PEOPLE = ['otto', 'gus', 'kim'].map(person);
const RESOURCES = [vault('plain'), vault('secret'), site('main')];
const STATES = ['ACTIVE', 'SCHEDULED', 'CLAIMABLE'] as const;
const minuteMs = 60_000;

type Change = (local: LocalDecision, other: PolicyFiles, files: PolicyFiles) => Promise<unknown>;

const index = fc.nat({ max: 2 });
const at = <T>(all: readonly T[], place: number): T => all[place % all.length] as T; // never empty

const start = fc
  .record({
    who: index,
    where: index,
    state: index,
    after: fc.nat({ max: 3 }),
    minutes: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ who, where, state, after, minutes }): Change => {
    return (local) => {
      const startsMs = local.machine.wall + after * minuteMs;
      return local.start({
        subject: at(PEOPLE, who),
        resource: at(RESOURCES, where),
        actions: ['open', 'look', 'peek'],
        // one that begins later is scheduled, and no other
        state: after > 0 ? 'SCHEDULED' : at(STATES, state === 1 ? 0 : state),
        startsAt: new Date(startsMs),
        expiresAt: new Date(startsMs + minutes * minuteMs),
      });
    };
  });
const end = index.map(
  (which): Change =>
    async (local) => {
      const grant = at([...local.replica.grants.all(), undefined], which);
      if (grant !== undefined) await local.end(grant.id);
    },
);
const lock = fc.record({ what: fc.nat({ max: 3 }), lasts: index }).map(({ what, lasts }): Change => {
  return async (local) => {
    const grant = at([...local.replica.grants.all(), undefined], what);
    const targets: readonly LockTarget[] = [
      { kind: 'everything' },
      { kind: 'entity', uid: at(PEOPLE, what) },
      { kind: 'entity', uid: site('main') },
      grant === undefined ? { kind: 'entity', uid: vault('plain') } : { kind: 'grant', grantId: grant.id },
    ];
    await local.apply({
      kind: 'LOCK_CREATED',
      at: new Date(local.machine.wall),
      actor: uidKey(person('cem')),
      lockId: randomUUID(),
      target: at(targets, what),
      createdBy: person('cem'),
      ...(lasts === 0 ? {} : { expiresAt: new Date(local.machine.wall + lasts * minuteMs) }),
      text: 'a reason',
    });
  };
});
const lift = fc.constant<Change>(async (local) => {
  const held = [{ kind: 'everything' }, ...PEOPLE.map((uid) => ({ kind: 'entity', uid }))] as LockTarget[]; // literals
  const locks = held.flatMap((target) =>
    target.kind === 'entity'
      ? local.replica.locks.onEntities([uidKey(target.uid)], new Date(0))
      : local.replica.locks.onEverything(new Date(0)),
  );
  for (const { id, target } of locks)
    await local.apply({
      kind: 'LOCK_LIFTED',
      at: new Date(local.machine.wall),
      actor: uidKey(person('cem')),
      lockId: id,
      target,
      text: 'over',
    });
});
const directory = fc
  .record({ who: index, isGuard: fc.boolean(), secrecy: fc.nat({ max: 3 }), isKeeper: fc.boolean() })
  .map(
    ({ who, isGuard, secrecy, isKeeper }): Change =>
      (local) =>
        local.apply(
          applied(
            [
              entity(at(PEOPLE, who), isGuard ? [team('guards')] : [], { clearance: long(1n) }),
              entity(vault('plain'), [site('main')], {
                secrecy: long(BigInt(secrecy)),
                keepers: set(...(isKeeper ? [ref(at(PEOPLE, who))] : [])),
                limit: long(5n),
              }),
            ],
            new Date(local.machine.wall),
          ),
        ),
  );
const activate = fc.boolean().map(
  (isOther): Change =>
    (local, other, files) =>
      local.activate(isOther ? other : files),
);
const pass = fc.integer({ min: -2, max: 3 }).map(
  (minutes): Change =>
    async (local) => {
      // the wall clock may be set back; the other goes on
      local.machine.wall += minutes * minuteMs;
      if (minutes > 0) local.machine.monotonic += minutes * minuteMs;
      local.poll();
    },
);
const silence = fc.nat({ max: 3 }).map(
  (seconds): Change =>
    async (local) =>
      local.machine.advance(seconds * 900),
);

const QUESTIONS = PEOPLE.flatMap((principal) =>
  RESOURCES.flatMap((resource) => [
    questionOf({ principal, resource, action: action('look'), context: attributes({}) }),
    questionOf({ principal, resource, action: action('peek'), context: attributes({}) }),
    ...(resource.type === 'Vault'
      ? [goodContext, { ...goodContext, mfa: bool(false) }, { ...goodContext, weight: long(7n) }].map(
          (sent) => questionOf({ principal, resource, context: attributes(sent) }),
        )
      : []),
  ]),
);

type Said = Omit<Answer, 'decisionId'> | { readonly refused: string };

function said(
  local: LocalDecision,
  memo: LocalDecision['context']['memo'],
  question: (typeof QUESTIONS)[number],
): Said {
  const context = { ...local.context, memo };
  try {
    const { decisionId: _, ...answer } = answerAt(
      context,
      momentOf(local.clock, context.staleStandingMs),
      question.principal,
      question,
    );
    return answer;
  } catch (error) {
    return { refused: String(error) };
  }
}

describe('decisions that are remembered', () => {
  it('D5 are those that would be made anew, whatever has changed in between', {
    timeout: 120_000,
  }, async () => {
    const files = await policyFiles();
    const other = await policyFiles({
      'access/vaults.cedar':
        '@id("open") permit (principal in Team::"guards", action, resource) when { context has grant };',
    });
    let recalled = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(start, start, end, lock, lift, directory, activate, pass, silence), {
          maxLength: 12,
        }),
        async (changes) => {
          const local = await localDecision(files);
          const memo = createMemo(1_000);
          const watched: typeof memo = {
            keep: (asked, settled) => memo.keep(asked, settled),
            recall(asked) {
              const settled = memo.recall(asked);
              if (settled !== undefined) recalled += 1;
              return settled;
            },
          };
          const compare = (): void => {
            for (const question of QUESTIONS)
              expect(said(local, watched, question)).toEqual(said(local, noMemo, question));
          };
          for (const change of changes) {
            compare();
            await change(local, other, files);
            compare();
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(recalled).toBeGreaterThan(1_000);
  });

  it('D5 are no other question’s, whatever separators its ids have', async () => {
    const local = await localDecision(await policyFiles());
    const memo = createMemo(100);
    const parts = fc.constantFrom('', '"', ':', '1:', '::"', '\\', '6:Person', 'Person', '\0', '[', 'a');
    const id = fc.array(parts, { minLength: 1, maxLength: 4 }).map((some) => some.join(''));
    const asked = fc.record({ who: id, where: id, note: id });
    const question = ({ who, where, note }: { who: string; where: string; note: string }) =>
      questionOf({
        principal: person(who),
        resource: vault(where),
        context: attributes({ ...goodContext, note: text(note) }),
      });
    const keyed = ({ who, where, note }: { who: string; where: string; note: string }): string =>
      JSON.stringify([who, where, note]);
    const seen = new Map<object, string>();
    fc.assert(
      fc.property(asked, (words) => {
        const { replica, clock } = local;
        const context = local.context;
        const found = {
          replica,
          question: question(words),
          action: replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
          moment: momentOf(clock, context.staleStandingMs),
        };
        const known = memo.recall(found);
        if (known === undefined) {
          const settled = { ...said(local, noMemo, questionOf({ principal: person('kim') })) } as Answer; // kim may open
          memo.keep(found, settled);
          seen.set(settled, keyed(words));
        } else expect(seen.get(known)).toBe(keyed(words));
      }),
      { numRuns: 2_000 },
    );
    expect(seen.size).toBeGreaterThan(100);
  });

  it('are kept for what policies read of the context, and not for the rest of it', async () => {
    const local = await localDecision(await policyFiles());
    const principal: EntityUid = person('kim');
    const found = (context: Readonly<Record<string, ReturnType<typeof text>>>) => ({
      replica: local.replica,
      question: questionOf({ principal, context: attributes({ ...goodContext, ...context }) }),
      action: local.replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
      moment: momentOf(local.clock, local.context.staleStandingMs),
    });
    const memo = createMemo(100);
    const settled = local.ask({ principal });
    memo.keep(found({}), settled);
    expect(memo.recall(found({}))).toBe(settled);
    expect(memo.recall(found({ note: text('sealed') }))).toBeUndefined();
    expect(memo.recall(found({ from: ip('10.9.9.9') }))).toBeUndefined();
  });

  it('are forgotten when there are too many, those that nobody asks for first', async () => {
    const local = await localDecision(await policyFiles());
    const memo = createMemo(10);
    const settled = local.ask({ principal: person('kim') });
    const found = (id: string) => ({
      replica: local.replica,
      question: questionOf({ principal: person(id) }),
      action: local.replica.engine.policies.schema.actions.get(uidKey(action('open')))!, // the schema has it
      moment: momentOf(local.clock, local.context.staleStandingMs),
    });
    memo.keep(found('often'), settled);
    for (let other = 0; other < 100; other += 1) {
      expect(memo.recall(found('often'))).toBe(settled);
      memo.keep(found(`person${other}`), settled);
    }
    expect(memo.recall(found('person3'))).toBeUndefined();
    expect(memo.recall(found('person99'))).toBe(settled);
  });
});
