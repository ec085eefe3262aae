import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import { frame, sendRaw } from '../../core/rpc/test-connection.ts';
import { encodedGood, malformed } from './malformed.ts';
import { attributes, bool, goodContext, person, robot, text, vault } from './people.ts';
import { createScene, type Scene } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await createScene();
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

const door = robot('door');
const kim = person('kim');
const method = DecisionService.method.authorize;

async function ask(request: Buffer) {
  return await scene.client.unary(method, request, await scene.options(door));
}

describe('a malformed call', () => {
  it.each([...malformed])('is refused: %s', async (_title, { request, reason, field }) => {
    const refusal = await refusalOf(ask(request));
    const code = reason === 'TOO_MUCH' ? Code.RESOURCE_EXHAUSTED : Code.INVALID_ARGUMENT;
    expect(refusal).toMatchObject({ code, reason, domain: 'curfew' });
    const fields = refusal.violations.map((violation) => violation.field).join(' ');
    if (field !== undefined) expect(fields).toContain(field);
    expect((await ask(encodedGood())).effect).toBe(Effect.ALLOW);
  });

  it('is refused below gRPC as well, and the connection after it is served', async () => {
    const path = `/${method.parent.typeName}/${method.name}`;
    const { token } = await scene.options(door);
    const headers = { authorization: `Bearer ${token}` };
    const { port } = scene.service;
    const bodies = [
      frame(Buffer.from('not a message at all')),
      frame(encodedGood(), { length: 3 }),
      Buffer.alloc(4),
      frame(Buffer.from([0x1f, 0x8b, 0xff]), { isCompressed: true }),
    ];
    for (const body of bodies) {
      expect((await sendRaw({ port, path, headers, body })).code).not.toBe(Code.OK);
    }
    expect((await ask(encodedGood())).effect).toBe(Effect.ALLOW);
  });
});

it('D2 thousands of malformed calls of every kind harm nothing: the good ones after them are all answered right', async () => {
  const { engine } = scene.service.followed.replica;
  // Not the 5 MB ones: they measure the network.
  const requests = [...malformed.values()]
    .map(({ request }) => request)
    .filter(({ byteLength }) => byteLength < 100_000);
  expect(requests.length).toBeGreaterThan(10);
  const total = 3_000;
  const inFlight = 50;
  for (let sent = 0; sent < total; sent += inFlight) {
    const calls = Array.from({ length: inFlight }, (_, index) =>
      refusalOf(ask(requests[(sent + index) % requests.length] ?? Buffer.alloc(0))),
    );
    for (const { code } of await Promise.all(calls)) {
      expect([Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED]).toContain(code);
    }
  }
  const table = [
    [{ principal: kim }, 'ALLOW'],
    [{ principal: person('otto') }, 'DENY'],
    [
      {
        principal: kim,
        resource: vault('secret'),
        context: attributes({ ...goodContext, mfa: bool(false) }),
      },
      'DENY',
    ],
    [{ principal: kim, context: attributes({ ...goodContext, note: text('sealed') }) }, 'DENY'],
    [{ principal: kim, resource: vault('secret') }, 'ALLOW'],
  ] as const;
  for (let round = 0; round < 200; round += 1) {
    const answers = await Promise.all(table.map(([asked]) => scene.authorize({ ...asked, caller: door })));
    expect(answers.map(({ effect }) => effect)).toEqual(table.map(([, effect]) => Effect[effect]));
  }
  // The check stands before the engine: nothing of all that reached it.
  expect(scene.service.followed.replica.engine).toBe(engine);
  expect(engine.replacedInstances).toBe(0);
}, 120_000);
