import { beforeAll, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { keptStanding } from '../../../core/replica/let-in.ts';
import { GRANTS_SHUT_OUT } from '../../../services/decision/limits.ts';
import { applied, localDecision } from './local-decision.ts';
import { attributes, entity, goodContext, person, team, text } from './people.ts';
import { policyFiles } from './policy-files.ts';

const otto = person('otto');
const held = { 'workflows/held.cedar': workflow('principal in Team::"guests"') };

let files: PolicyFiles;
beforeAll(async () => {
  files = await policyFiles(held);
});

function workflow(scope: string): string {
  return `@id("held") @approvals("none") @max("8h") permit (${scope}, action == Curfew::Action::"request", resource);`;
}

/** Otto, in those teams or none, with so many grants by the workflow that guests are let in by. */
async function holding(count: number) {
  let workflows = 0;
  const local = await localDecision(files, {
    watch: (evaluation, phase) => {
      if (phase === 'workflows') workflows += 1;
      return evaluation;
    },
  });
  const now = local.machine.wall;
  const move = async (...teams: readonly string[]): Promise<void> => {
    const clearance = { clearance: { kind: 'long', value: 1n } } as const;
    const guests = entity(team('guests'));
    const moved = entity(otto, teams.map(team), clearance);
    await local.apply(applied([guests, moved], new Date(now)));
  };
  await move('guests');
  for (let index = 0; index < count; index += 1)
    await local.start({ subject: otto, startsAt: new Date(now), expiresAt: new Date(now + 60_000 - index) });
  return { local, move, workflows: () => workflows };
}

it('a grant permits from the change on by which its workflow lets its holder in no more, and again when it does', async () => {
  const { local, move } = await holding(1);
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  await move();
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
  await move('guests');
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  await local.activate(
    await policyFiles({ 'workflows/held.cedar': workflow('principal in Team::"chiefs"') }),
  );
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
});

it('a workflow is asked about a grant once while policies and directory stay as they are', async () => {
  const { local, move, workflows } = await holding(1);
  local.ask({ principal: otto });
  const once = workflows();
  local.ask({ principal: otto });
  expect(workflows()).toBe(once);
  await move('guests');
  local.ask({ principal: otto });
  expect(workflows()).toBe(once + 1);
});

it('of many grants only as many are asked about as are needed', async () => {
  const { local, workflows } = await holding(200);
  const before = workflows();
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  expect(workflows()).toBe(before + 1);
});

it('of more grants than are few each is asked about once, however often all are used', async () => {
  const { local, workflows } = await holding(1_100);
  const useAll = (): void => {
    for (const grant of local.replica.grants.all()) expect(keptStanding(local.replica, grant)).toBe('in');
  };
  useAll();
  const once = workflows();
  useAll();
  expect(workflows()).toBe(once);
});

it('time alone shuts nobody out', async () => {
  const local = await localDecision(files);
  const now = local.machine.wall;
  const until = new Date(now + 500).toISOString();
  const early = `${workflow('principal').slice(0, -1)} when { context.now < datetime("${until}") };`;
  await local.activate(await policyFiles({ 'workflows/held.cedar': early }));
  await local.start({ subject: otto, startsAt: new Date(now), expiresAt: new Date(now + 60_000) });
  local.machine.advance(1_000);
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
});

it('more grants that let nobody in than can be asked about give no answer', async () => {
  const { local, move } = await holding(GRANTS_SHUT_OUT + 1);
  await move();
  const asked = (): unknown => {
    try {
      return local.ask({ principal: otto }).effect;
    } catch (error) {
      return error instanceof AccessError ? error.reason : error;
    }
  };
  expect(asked()).toBe('TOO_MUCH');
  const [first] = local.replica.grants.all();
  await local.end(first?.id ?? '');
  expect(asked()).toBe('TOO_MUCH');
  const [second] = local.replica.grants.all();
  await local.end(second?.id ?? '');
  expect(asked()).toBe('DENY');
  const sealed = { principal: otto, context: attributes({ ...goodContext, note: text('sealed') }) };
  expect(local.ask(sealed).effect).toBe('DENY');
});

it('a scheduled grant begins at its start without anybody writing it down, and not when its holder is let in no more', async () => {
  const { local, move } = await holding(0);
  const now = local.machine.wall;
  const startsAt = new Date(now + 1_000);
  await local.start({
    subject: otto,
    steps: [],
    state: 'SCHEDULED',
    startsAt,
    expiresAt: new Date(now + 60_000),
  });
  const before = local.ask({ principal: otto });
  expect([before.effect, before.validUntil]).toEqual(['DENY', startsAt]);
  local.machine.advance(999);
  local.poll();
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
  local.machine.advance(1);
  local.poll();
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  await move();
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
});

it('a claimable grant permits nothing, nor does a rehearsal say so, while it could not begin', async () => {
  const local = await localDecision(files);
  const now = local.machine.wall;
  const until = new Date(now + 500).toISOString();
  const early = `${workflow('principal').slice(0, -1)} when { context.now < datetime("${until}") };`;
  await local.activate(await policyFiles({ 'workflows/held.cedar': early }));
  await local.start({
    subject: otto,
    steps: [],
    state: 'CLAIMABLE',
    startsAt: new Date(now),
    expiresAt: new Date(now + 60_000),
  });
  expect(local.ask({ principal: otto }).effect).toBe('ALLOW');
  local.machine.advance(1_000);
  local.poll();
  expect(local.ask({ principal: otto }).effect).toBe('DENY');
});
