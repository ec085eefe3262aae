import { setInterval } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { createCurfew, type Curfew, type Decision, type Question } from '../../../clients/sdk/index.ts';
import { startDecisionService } from '../../../services/decision/service.ts';
import { startStack } from '../../support/stack.ts';
import { type RawServer, startHttp2Server, startSocketServer } from '../support/raw-server.ts';
import { answer, answerAllow } from './faults.ts';

const question: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

interface Replica extends RawServer {
  calls: number;
}

async function startReplica(respond = answerAllow, port = 0): Promise<Replica> {
  const server = await startHttp2Server((stream, path) => {
    replica.calls += 1;
    respond(stream, path);
  }, port);
  const replica = { ...server, calls: 0 };
  closers.push(() => server.close());
  return replica;
}

function connect(decisionAddress: string | readonly string[], authorizeTimeoutMs = 10_000): Curfew {
  const curfew = createCurfew({ decisionAddress, authorizeTimeoutMs });
  closers.push(() => curfew.close());
  return curfew;
}

async function askOften(curfew: Curfew, times = 20): Promise<readonly Decision['effect'][]> {
  const effects = new Set<Decision['effect']>();
  for (let asked = 0; asked < times; asked += 1) effects.add((await curfew.authorize(question)).effect);
  return [...effects];
}

function portOf({ address }: RawServer): number {
  return Number(address.split(':')[1]);
}

test.for([
  ['a list', (addresses: readonly string[]) => addresses],
  ['a text with commas', (addresses: readonly string[]) => addresses.join(', ')],
] as const)('calls spread over the replicas of %s', async ([, write]) => {
  const replicas = [await startReplica(), await startReplica(), await startReplica()];
  const curfew = connect(write(replicas.map(({ address }) => address)));
  expect(curfew.addresses.decision).toBe(replicas.map(({ address }) => address).join(','));
  await expect
    .poll(async () => {
      expect(await askOften(curfew)).toEqual(['allow']);
      return replicas.every(({ calls }) => calls > 0);
    })
    .toBe(true);
});

test.each([[[]], [''], ['127.0.0.1,'], [['127.0.0.1', 'http://x']]])('%j names no replicas', (given) => {
  expect(() => createCurfew({ decisionAddress: given })).toThrow(/^decisionAddress: seen /);
});

describe('D20 a replica that is away costs no call', () => {
  test('D20 it was never there', async () => {
    const gone = await startSocketServer(() => undefined);
    gone.close();
    const alive = await startReplica();
    expect(await askOften(connect([gone.address, alive.address]))).toEqual(['allow']);
  });

  test('D20 it takes connections and never speaks', async () => {
    const frozen = await startSocketServer(() => undefined);
    closers.push(() => frozen.close());
    const alive = await startReplica();
    expect(await askOften(connect([frozen.address, alive.address]))).toEqual(['allow']);
  });

  test('D20 it breaks while calls are under way, and takes its part again when it is back', async () => {
    const alive = await startReplica();
    const breaking = await startReplica((stream, path) => {
      if (breaking.calls < 5) answerAllow(stream, path);
      else breaking.close();
    });
    const curfew = connect([alive.address, breaking.address]);
    await expect
      .poll(async () => {
        expect(await askOften(curfew)).toEqual(['allow']);
        return breaking.calls;
      })
      .toBeGreaterThanOrEqual(5);
    const back = await startReplica(answerAllow, portOf(breaking));
    const isBack = async (): Promise<boolean> => {
      expect(await askOften(curfew)).toEqual(['allow']);
      return back.calls > 0;
    };
    await expect.poll(isBack, { timeout: 60_000 }).toBe(true);
  });

  test('D20 it is found again at once when it is the only one left', async () => {
    const first = await startReplica();
    const second = await startReplica();
    const curfew = connect([first.address, second.address]);
    expect(await askOften(curfew)).toEqual(['allow']);
    first.close();
    // Long enough for the pauses between attempts to have grown.
    const until = performance.now() + 1_000;
    while (performance.now() < until) expect(await askOften(curfew, 5)).toEqual(['allow']);
    await startReplica(answerAllow, portOf(first));
    second.close();
    expect(await askOften(curfew)).toEqual(['allow']);
  });

  test('D20 it sends its connections away', async () => {
    const leaving = await startReplica((stream, path) => {
      answerAllow(stream, path);
      stream.session?.close();
    });
    const alive = await startReplica();
    expect(await askOften(connect([leaving.address, alive.address]), 50)).toEqual(['allow']);
  });

  test('D20 it is not ready', async () => {
    const starting = await startReplica((stream) => answer(stream, [], { 'grpc-status': '14' }));
    const alive = await startReplica();
    expect(await askOften(connect([starting.address, alive.address]))).toEqual(['allow']);
  });
});

test('D20 a replica that hangs costs the calls it has, and those after them go elsewhere', async () => {
  const hanging = await startReplica((stream, path) => {
    if (hanging.calls < 5) answerAllow(stream, path);
  });
  const alive = await startReplica();
  const curfew = connect([hanging.address, alive.address], 1_500);
  while (hanging.calls < 5) await curfew.authorize(question);
  expect(await askOften(curfew)).toEqual(['allow']);
  expect(hanging.calls).toBe(5);
});

test('a closed client ends what is under way', async () => {
  const silent = await startReplica(() => undefined);
  const curfew = connect(silent.address);
  const decision = curfew.authorize(question);
  await expect.poll(() => silent.calls).toBe(1);
  curfew.close();
  expect(await decision).toMatchObject({ effect: 'error', error: { code: 'CANCELLED' } });
  expect(await curfew.authorize(question)).toMatchObject({ error: { message: 'this client was closed' } });
});

test('D20 a rolling restart of two replicas under load fails no call', async () => {
  await using stack = await startStack();
  const options = {
    databaseUrl: stack.database.decisionUrl,
    httpAddress: '127.0.0.1:0',
    issuers: [stack.issuer.issuer],
    staleStandingMs: 60_000,
    logger: stack.logger,
  };
  const start = async (port: number): ReturnType<typeof startDecisionService> => {
    const service = await startDecisionService({ ...options, address: `127.0.0.1:${port}` });
    const ask = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${service.httpPort}/readyz`)).status;
    await expect.poll(ask, { timeout: 60_000 }).toBe(200);
    return service;
  };
  const replicas = [await start(0), await start(0)];
  const curfew = createCurfew({
    decisionAddress: replicas.map(({ port }) => `127.0.0.1:${port}`),
    token: await stack.issuer.token('User', 'ada'),
    authorizeTimeoutMs: 20_000, // a service that starts holds this process up
  });
  const effects = new Map<string, number>();
  const over = new AbortController();
  const load = Array.from({ length: 4 }, async () => {
    // At a pace, for the services start in this process too.
    for await (const _tick of setInterval(5)) {
      if (over.signal.aborted) return;
      const decision = await curfew.authorize(question);
      const outcome = decision.effect === 'error' ? decision.error.message : decision.effect;
      effects.set(outcome, (effects.get(outcome) ?? 0) + 1);
    }
  });
  for (const [index, replica] of replicas.entries()) {
    await replica.close();
    replicas[index] = await start(replica.port);
  }
  over.abort();
  await Promise.all(load);
  curfew.close();
  await Promise.all(replicas.map((replica) => replica.close()));
  expect([...effects.keys()]).toEqual(['deny']);
}, 90_000);
