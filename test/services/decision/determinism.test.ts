import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { type Asked, type LocalDecision, localDecision } from './local-decision.ts';
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
  robot,
  sheet,
  site,
  vault,
} from './people.ts';
import { policyFiles } from './policy-files.ts';

const holders = ['otto', 'gus', 'nobody'].map(person);
const resources = [vault('plain'), vault('secret'), site('main')];
const minuteMs = 60_000;

/** A replica with these grants, told of in this order. */
async function replicaOf(order: readonly number[], machineMs: number): Promise<LocalDecision> {
  const local = await localDecision(await policyFiles());
  local.machine.wall = machineMs;
  local.poll();
  for (const index of order) {
    await local.start({
      id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
      subject: holders[index % holders.length] ?? person('otto'),
      resource: resources[index % resources.length] ?? vault('plain'),
      actions: index % 2 === 0 ? ['open', 'read'] : ['peek', 'open'],
      startsAt: new Date(machineMs),
      expiresAt: new Date(machineMs + minuteMs * (1 + (index % 4))),
    });
  }
  return local;
}

const asked: fc.Arbitrary<Asked> = fc.oneof(
  fc.record({
    principal: fc.constantFrom(...holders, person('kim'), robot('door')),
    resource: fc.constantFrom(...resources, vault('none')),
    action: fc.constantFrom('open', 'look', 'peek').map(action),
    context: fc.oneof(
      fc.constant(attributes({})),
      fc
        .record({
          mfa: fc.boolean().map(bool),
          weight: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(long),
          from: fc.constantFrom('10.0.0.1', '192.0.2.1').map(ip),
        })
        .map((fields) => attributes({ ...goodContext, ...fields })),
    ),
    explain: fc.boolean(),
  }),
  fc.record({
    principal: fc.constantFrom(...holders),
    action: fc.constant(action('read')),
    resource: fc.constant(sheet('s')),
    context: fc.constant(attributes({})),
    entities: fc
      .record({ author: fc.constantFrom(...holders).map(ref), pages: fc.constant(long(1n)) })
      .map((facts) => [entity(sheet('s'), [vault('plain')], facts)]),
  }),
);

function outcome(local: LocalDecision, question: Asked): unknown {
  try {
    const { grant, decisionId: _, kept: __, ...answer } = local.ask(question);
    return { ...answer, grantId: grant?.id };
  } catch (error) {
    if (error instanceof AccessError) return error.message;
    throw error;
  }
}

it('I17 a decision follows from revision, question and time alone: replicas agree, whatever they were told in which order', async () => {
  const startMs = Date.parse('2026-03-01T12:00:00Z');
  const order = Array.from({ length: 12 }, (_, index) => index);
  const one = await replicaOf(order, startMs);
  const other = await replicaOf(order.toReversed(), startMs);
  fc.assert(
    fc.property(asked, fc.integer({ min: 0, max: 5 * minuteMs }), (question, afterMs) => {
      for (const local of [one, other]) {
        local.machine.wall = startMs + afterMs;
        local.poll();
      }
      const first = outcome(one, question);
      expect(outcome(other, question)).toEqual(first);
      expect(outcome(one, question)).toEqual(first);
    }),
    { numRuns: 400 },
  );
});
