import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { collectLogs } from '../../core/rpc/test-server.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import { TOKEN_MS } from '../../support/issuer.ts';
import { FakeMachine } from './local-decision.ts';
import { entity, long, person } from './people.ts';
import { createScene, type Scene } from './scene.ts';

let scene: Scene;
let machine: FakeMachine;
const { logger, lines } = collectLogs();

beforeEach(async () => {
  machine = new FakeMachine();
  machine.wall = Date.now() - 7_200_000;
  scene = await createScene({ machine, logger });
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const kim = { principal: person('kim') };

it("N2 a token expires by the database's time, however far this machine's clock is behind", async () => {
  expect((await scene.authorize(kim)).effect).toBe(Effect.ALLOW);
  machine.monotonic += TOKEN_MS;
  expect(await refusalOf(scene.authorize(kim))).toMatchObject({ reason: 'TOKEN_EXPIRED' });
});

it("the log says when an issuer's keys cannot be read", async () => {
  const { keys } = scene.issuer.issuer;
  const path = keys.kind === 'file' ? keys.path : expect.unreachable();
  await rm(path);
  expect(await refusalOf(scene.authorize(kim))).toMatchObject({ reason: 'NOT_READY' });
  expect(lines()).toContainEqual(
    expect.objectContaining({ level: 'warn', msg: `cannot read the keys at ${path}` }),
  );
});

it('whoever was created a moment ago may call', async () => {
  for (let round = 0; round < 10; round += 1) {
    const newcomer = person(`newcomer${round}`);
    await scene.put([entity(newcomer, [], { clearance: long(1n) })]);
    const answer = await scene.authorize({ ...kim, principal: newcomer });
    expect(answer.effect).toBe(Effect.DENY);
  }
});

it('a name that stays unknown is refused', async () => {
  const stranger = { ...kim, caller: person('stranger') };
  expect(await refusalOf(scene.authorize(stranger))).toMatchObject({ reason: 'CALLER_UNKNOWN' });
});
