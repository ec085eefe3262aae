import type { Http2Session } from 'node:http2';
import { isMap } from 'node:util/types';
import type { Server } from '@grpc/grpc-js';
import { http2ServersOf } from './http2-servers.ts';

/**
 * Lets closed streams be collected young. Node keeps the open ones of a session in a `Map`. That makes its table anew every so often, and
 * the old table leads to the new one: once one of them has grown old, V8 takes all later ones for alive, with every stream that was open
 * when they were made, until the next full collection, which takes the longer.
 */
export function letStreamsGo(server: Server): void {
  for (const http2 of http2ServersOf(server)) http2.prependListener('session', replaceStreams);
}

/** Where Node keeps them in another way than is known, it goes on as it does. */
function replaceStreams(session: Http2Session): void {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state: unknown = symbol === undefined ? undefined : Reflect.get(session, symbol);
  if (typeof state !== 'object' || state === null) return;
  const streams: unknown = Reflect.get(state, 'streams');
  if (isMap(streams) && streams.size === 0) Reflect.set(state, 'streams', new OpenStreams());
}

/** As many as a session may have are found as fast in a list as in a table; in no order. */
export class OpenStreams<Stream> implements Map<number, Stream> {
  readonly [Symbol.toStringTag] = 'OpenStreams';
  readonly #ids: number[] = [];
  readonly #streams: Stream[] = [];

  get size(): number {
    return this.#ids.length;
  }

  has(id: number): boolean {
    return this.#ids.includes(id);
  }

  get(id: number): Stream | undefined {
    const at = this.#ids.indexOf(id);
    return at === -1 ? undefined : this.#streams[at];
  }

  set(id: number, stream: Stream): this {
    const at = this.#ids.indexOf(id);
    if (at === -1) {
      this.#ids.push(id);
      this.#streams.push(stream);
    } else this.#streams[at] = stream;
    return this;
  }

  delete(id: number): boolean {
    const at = this.#ids.indexOf(id);
    if (at === -1) return false;
    moveLastTo(this.#ids, at);
    moveLastTo(this.#streams, at);
    return true;
  }

  clear(): void {
    this.#ids.length = 0;
    this.#streams.length = 0;
  }

  /** All that are open now, whatever `visit` closes. */
  forEach(visit: (stream: Stream, id: number, streams: Map<number, Stream>) => void): void {
    const all = this.#asMap();
    for (const [id, stream] of all) visit(stream, id, all);
  }

  keys(): MapIterator<number> {
    return this.#asMap().keys();
  }

  values(): MapIterator<Stream> {
    return this.#asMap().values();
  }

  entries(): MapIterator<[number, Stream]> {
    return this.#asMap().entries();
  }

  [Symbol.iterator](): MapIterator<[number, Stream]> {
    return this.entries();
  }

  #asMap(): Map<number, Stream> {
    return new Map(this.#ids.map((id, at) => [id, this.#streams[at]] as [number, Stream])); // both are as long
  }
}

function moveLastTo(list: unknown[], at: number): void {
  const last = list.pop();
  if (at < list.length) list[at] = last;
}
