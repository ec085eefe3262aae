import { once } from 'node:events';
import { connect, createServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { letStreamsGo, OpenStreams } from '../../../core/rpc/open-streams.ts';

test('open streams are what a Map of them would be, in whatever order', () => {
  const id = fc.integer({ min: 1, max: 8 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), id, stream: fc.integer() }),
    fc.record({ kind: fc.constant('delete' as const), id }),
    fc.record({ kind: fc.constant('clear' as const), id }),
  );
  const sorted = (entries: Iterable<readonly [number, number]>) => [...entries].toSorted(([a], [b]) => a - b);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [streams, map] = [new OpenStreams<number>(), new Map<number, number>()];
      for (const one of steps) {
        if (one.kind === 'set') for (const each of [streams, map]) each.set(one.id, one.stream);
        else if (one.kind === 'delete') expect(streams.delete(one.id)).toBe(map.delete(one.id));
        else for (const each of [streams, map]) each.clear();
        expect(streams.size).toBe(map.size);
        expect([streams.has(one.id), streams.get(one.id)]).toEqual([map.has(one.id), map.get(one.id)]);
        expect(sorted(streams)).toEqual(sorted(map));
        expect([...streams.keys()].length + [...streams.values()].length).toBe(2 * map.size);
      }
    }),
  );
});

test('each of them is visited once, though visiting closes them', () => {
  const streams = new OpenStreams<string>();
  for (const id of [1, 3, 5]) streams.set(id, `stream ${id}`);
  const visited: string[] = [];
  streams.forEach((stream, id) => {
    visited.push(stream);
    streams.delete(id);
  });
  expect(visited).toEqual(['stream 1', 'stream 3', 'stream 5']);
  expect(streams.size).toBe(0);
});

/** What Node keeps the streams of a session in. */
function streamsOf(session: Http2Session): unknown {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  return Reflect.get(Object(symbol === undefined ? undefined : Reflect.get(session, symbol)), 'streams');
}

test('the streams of a session are kept so from its start, and destroyed with it', async () => {
  const http2 = createServer();
  letStreamsGo({ http2Servers: new Map([[http2, {}]]) } as object as Server); // nothing else of it is looked at
  http2.listen(0, '127.0.0.1');
  await once(http2, 'listening');
  const { port } = http2.address() as AddressInfo; // it listens on one
  const client = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => {
    client.destroy();
    http2.close();
  });
  const asked = [client.request(), client.request()];
  for (const one of asked) one.on('error', () => undefined); // they are cut
  const [session] = (await once(http2, 'session')) as [Http2Session];
  await once(http2, 'stream');
  expect(streamsOf(session)).toBeInstanceOf(OpenStreams);
  expect(streamsOf(session)).toHaveProperty('size', expect.any(Number));
  session.destroy();
  await Promise.all(asked.map((one) => once(one, 'close')));
  expect(streamsOf(session)).toHaveProperty('size', 0);
});
