import { setTimeout as pause } from 'node:timers/promises';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { AccessRequest } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { AskedAbout } from './questions.ts';
import { recorded } from './record.ts';
import type { Stage } from './stage.ts';

export interface Wish extends AskedAbout {
  readonly durationMs: number;
}

/** Names the submission by a key and sends it until it is answered, as a careful client does; now and then twice at once. */
export async function submit(stage: Stage, wish: Wish): Promise<AccessRequest | undefined> {
  const { random, signal } = stage;
  const key = `key-${random.between(0, 2 ** 31)}-${random.between(0, 2 ** 31)}`;
  const send = (grant: number) =>
    recorded(stage.history, { what: 'submit', by: wish.principal, id: key, key }, async () => {
      const { request, revision } = await stage.cluster.as(wish.principal, grant).grants.requestAccess({
        items: [{ resource: { type: 'Database', id: wish.resource }, actions: [{ id: wish.action }] }],
        duration: durationFromMs(wish.durationMs),
        reason: key,
        idempotencyKey: key,
      });
      return { revision, id: request?.id ?? '', value: request };
    });
  while (!signal.aborted) {
    const replicas = random.next() < 0.2 ? [0, 1] : [random.between(0, 2)];
    const answers = await Promise.all(replicas.map(send));
    const found = answers.find((answer) => answer !== undefined);
    if (found !== undefined) return found;
    const last = stage.history.changes.findLast((change) => change.key === key);
    if (last?.outcome.kind === 'refused') return undefined;
    await pause(50);
  }
  return undefined;
}
