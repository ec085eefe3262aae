import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import { SYSTEM_ACTOR } from '../../../core/access/event.ts';
import { GrantTable } from '../../../core/access/grant-table.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { createRights } from '../../../services/decision/rights.ts';
import { applied, type LocalDecision, localDecision } from './local-decision.ts';
import { entity, person, robot, team } from './people.ts';
import { policyFiles } from './policy-files.ts';

let files: PolicyFiles;
let local: LocalDecision;

beforeAll(async () => {
  files = await policyFiles();
});
beforeEach(async () => {
  local = await localDecision(files);
});

const now = new Date('2026-03-01T12:00:00Z');

function outcome(right: 'authorize' | 'explain', caller: EntityUid, principal: EntityUid): string {
  try {
    local.context.rights.require(right, caller, principal, now);
    return 'permitted';
  } catch (error) {
    if (error instanceof AccessError) return error.reason;
    throw error;
  }
}

const [kim, gus, cem, otto] = ['kim', 'gus', 'cem', 'otto'].map(person) as [
  EntityUid,
  EntityUid,
  EntityUid,
  EntityUid,
]; // four names, four people
const door = robot('door');

describe('who may ask about whom', () => {
  it.each([
    ['anybody asks about themself', 'authorize', otto, otto, 'permitted'],
    ['anybody has explained what is about themself', 'explain', otto, otto, 'permitted'],
    ['nobody asks about others without a permit', 'authorize', otto, kim, 'NOT_PERMITTED'],
    ['a permit on the system is about anybody', 'authorize', door, kim, 'permitted'],
    ['about anybody means also somebody unknown', 'authorize', door, person('nobody'), 'permitted'],
    ['a right to ask is not a right to have it explained', 'explain', door, kim, 'NOT_PERMITTED'],
    ['a permit on principals is about those', 'authorize', cem, gus, 'permitted'],
    ['explaining is permitted in its own right', 'explain', cem, gus, 'permitted'],
    ['a permit on some principals is not about others', 'authorize', cem, kim, 'NOT_PERMITTED'],
    ['a service without a permit asks about nobody else', 'authorize', robot('stray'), door, 'NOT_PERMITTED'],
    ['the same id of another type is somebody else', 'authorize', robot('kim'), kim, 'NOT_PERMITTED'],
  ] as const)('%s', (_title, right, caller, principal, wanted) => {
    expect(outcome(right, caller, principal)).toBe(wanted);
  });

  it('is asked before anything is decided, and says which permit would be needed', () => {
    expect(() => local.ask({ principal: kim, caller: otto })).toThrow(
      /Curfew::Action::"authorize" in workflows/,
    );
    expect(local.ask({ principal: kim, caller: door }).effect).toBe('ALLOW');
    expect(() => local.ask({ principal: kim, caller: door, explain: true })).toThrow(/"explain"/);
  });
});

describe('the answer about a caller', () => {
  it('is kept: the engine is asked once', async () => {
    const { evaluated, rights } = await counting();
    rights.require('authorize', door, kim, now);
    rights.require('authorize', door, otto, now);
    expect(evaluated()).toBe(1);
  });

  it('is kept when it is a no, too', async () => {
    const { evaluated, rights } = await counting();
    for (let round = 0; round < 3; round += 1) {
      expect(() => rights.require('authorize', otto, kim, now)).toThrow(AccessError);
    }
    expect(evaluated()).toBe(2); // about the system, and about Kim
  });

  it('changes with the directory', async () => {
    expect(outcome('authorize', otto, kim)).toBe('NOT_PERMITTED');
    await local.apply(applied([entity(otto, [team('doors')], {})], now));
    expect(outcome('authorize', otto, kim)).toBe('permitted');
    await local.apply({ kind: 'ENTITIES_DELETED', at: now, actor: SYSTEM_ACTOR, uids: [otto] });
    expect(outcome('authorize', otto, kim)).toBe('NOT_PERMITTED');
  });

  it('changes when the replica starts from another history, though epoch and revisions are the same', async () => {
    const { replica } = local;
    const [first, second] = [[team('doors')], []].map((parents) => ({
      epoch: '',
      revision: 100n,
      hash: Buffer.alloc(32),
      basisRevision: 90n,
      grants: new GrantTable(),
      locks: [],
      entities: [entity(team('doors')), entity(otto, parents), entity(kim)],
      policyDigest: replica.engine.policies.digest,
    }));
    await replica.reset(first ?? expect.unreachable());
    expect(outcome('authorize', otto, kim)).toBe('permitted');
    await replica.reset(second ?? expect.unreachable());
    expect(outcome('authorize', otto, kim)).toBe('NOT_PERMITTED');
  });

  it('changes with the policies', async () => {
    expect(outcome('authorize', door, kim)).toBe('permitted');
    await local.activate(
      await policyFiles({
        'workflows/asking.cedar':
          '@id("nobody-asks") forbid (principal, action == Curfew::Action::"authorize", resource);',
      }),
    );
    expect(outcome('authorize', door, kim)).toBe('NOT_PERMITTED');
  });

  it('is not kept where a policy reads the time', async () => {
    const timed = await policyFiles({
      'workflows/asking.cedar': `@id("in-the-morning") permit (principal, action == Curfew::Action::"authorize", resource)
        when { context.now.toTime() < duration("12h") };`,
    });
    local = await localDecision(timed);
    const { rights } = local.context;
    rights.require('authorize', door, kim, new Date('2026-03-01T11:59:59.999Z'));
    expect(() => rights.require('authorize', door, kim, new Date('2026-03-01T12:00:00Z'))).toThrow(
      AccessError,
    );
  });

  it('is dropped, the oldest first, when too many are kept', async () => {
    const { evaluated, rights } = await counting(4);
    const callers = ['a', 'b', 'c', 'd', 'e', 'f'].map(robot);
    for (const caller of callers)
      expect(() => rights.require('authorize', caller, kim, now)).toThrow(AccessError);
    expect(evaluated()).toBe(12);
    expect(() => rights.require('authorize', robot('f'), kim, now)).toThrow(AccessError);
    expect(evaluated()).toBe(12);
    expect(() => rights.require('authorize', robot('a'), kim, now)).toThrow(AccessError);
    expect(evaluated()).toBe(14);
  });
});

it('no answer of the engine is no permit, and is not kept', async () => {
  const failing = { isDead: true };
  local = await localDecision(files, {
    watch: (evaluation) =>
      failing.isDead ? { decision: 'deny', policyIds: [], errors: [], failure: 'trapped' } : evaluation,
  });
  expect(outcome('authorize', door, kim)).toBe('EVALUATION_FAILED');
  failing.isDead = false;
  expect(outcome('authorize', door, kim)).toBe('permitted');
});

/** The same state, and a count of how often its engine is asked. */
async function counting(mostKept?: number) {
  let count = 0;
  const counted = await localDecision(files, {
    watch: (evaluation) => {
      count += 1;
      return evaluation;
    },
  });
  return {
    rights: createRights(counted.context.followed, mostKept === undefined ? {} : { mostKept }),
    evaluated: () => count,
  };
}
