import { status as Code } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MachineClock } from '../../../core/feed/database-clock.ts';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GRANTS_HEALTH } from '../../../services/decision/watch-health.ts';
import { refusalOf } from '../../core/rpc/test-client.ts';
import { person, robot } from './people.ts';
import { createScene, type Scene } from './scene.ts';

/** This machine's clocks, until they are stopped; then the test moves them. */
class StoppableMachine implements MachineClock {
  #stopped: { readonly wallMs: number; readonly monotonicMs: number } | undefined;
  readonly wallMs = (): number => this.#stopped?.wallMs ?? Date.now();
  readonly monotonicMs = (): number => this.#stopped?.monotonicMs ?? performance.now();

  stop(): void {
    this.#stopped = { wallMs: Date.now(), monotonicMs: Math.floor(performance.now()) };
  }

  advance(ms: number): void {
    this.#stopped = { wallMs: this.wallMs() + ms, monotonicMs: this.monotonicMs() + ms };
  }

  goOn(): void {
    this.#stopped = undefined;
  }
}

let scene: Scene;
let machine: StoppableMachine;

beforeEach(async () => {
  machine = new StoppableMachine();
  scene = await createScene({ machine });
});
afterEach(async () => {
  await scene[Symbol.asyncDispose]();
});

const kim = { principal: person('kim') };
const otto = { principal: person('otto') };
const names = [GRANTS_HEALTH, DecisionService.typeName, ''];

const health = () => Promise.all(names.map(healthOf));

function healthOf(service: string): Promise<string> {
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? expect.unreachable();
  const { promise, resolve } = Promise.withResolvers<string>();
  scene.client.raw.makeUnaryRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { service },
    (error, answer) => {
      const response = answer as { readonly status: string } | undefined; // the library's message
      resolve(error === null ? (response?.status ?? '') : Code[error.code]);
    },
  );
  return promise;
}

const ready = async (): Promise<number> =>
  (await fetch(`http://127.0.0.1:${scene.service.httpPort}/readyz`)).status;
const [serving, not] = ['SERVING', 'NOT_SERVING'];

describe('when the database is silent', () => {
  it('I16 grants permit until S, standing permits go on marked stale, and then nothing is permitted', async () => {
    const now = Date.now();
    const { revision } = await scene.start({
      subject: otto.principal,
      startsAt: new Date(now),
      expiresAt: new Date(now + 3_600_000),
    });
    expect((await scene.authorize({ ...otto, atLeastRevision: revision })).effect).toBe(Effect.ALLOW);
    await expect.poll(health, { timeout: 60_000 }).toEqual([serving, serving, serving]);
    expect(await ready()).toBe(200);

    // From here on this machine's clock stands still until it is moved, and after one more poll none is answered.
    machine.stop();
    await vi.waitUntil(() => scene.service.followed.clock.ageMs() === 0, { timeout: 60_000 });
    const speak = await scene.silence();
    machine.advance(1_999);
    expect((await scene.authorize(otto)).effect).toBe(Effect.ALLOW);

    machine.advance(1);
    expect(await refusalOf(scene.authorize(otto))).toMatchObject({
      reason: 'STALE',
      metadata: { age_ms: '2000' },
    });
    expect(await scene.authorize(kim)).toMatchObject({ effect: Effect.ALLOW, stale: true });
    await expect.poll(health, { timeout: 60_000 }).toEqual([not, serving, serving]);
    expect(await ready()).toBe(200);
    const status = await scene.client.unary(
      DecisionService.method.getStatus,
      {},
      await scene.options(robot('door')),
    );
    expect(status).toMatchObject({ ready: false, liveGrants: 1n });
    expect(status.staleness && durationMs(status.staleness)).toBe(2_000);

    machine.advance(60_000);
    expect(await refusalOf(scene.authorize(kim))).toMatchObject({ reason: 'STALE' });
    await expect.poll(health, { timeout: 60_000 }).toEqual([not, not, not]);
    expect(await ready()).toBe(503);

    machine.goOn();
    await speak();
    await expect.poll(health, { timeout: 60_000 }).toEqual([serving, serving, serving]);
    expect(await scene.authorize(otto)).toMatchObject({ effect: Effect.ALLOW, stale: false });
  });

  it('what is asked for at a revision that cannot be read has no answer', async () => {
    const head = scene.service.followed.replica.revision;
    const speak = await scene.silence();
    expect(await refusalOf(scene.authorize({ ...kim, atLeastRevision: head + 1n }))).toMatchObject({
      reason: 'REVISION_NOT_REACHED',
    });
    await speak();
  });
});
