import type { LedgerEvent } from '../../core/access/event.ts';

/** The most that are remembered. */
const MOST = 10_000;

/** Where requests and grants that this process wrote begin in the ledger, so that it need not be read to tell: that never changes. */
export class FirstRevisions {
  /** By id, oldest first. */
  readonly #known = new Map<string, bigint>();
  #epoch = '';

  /** The events that were appended, the last one at this revision of this history. */
  appended(events: readonly LedgerEvent[], last: bigint, epoch: string): void {
    if (epoch !== this.#epoch) this.#known.clear();
    this.#epoch = epoch;
    const before = last - BigInt(events.length);
    for (const [index, event] of events.entries()) {
      if (event.kind === 'REQUEST_SUBMITTED') this.#note(event.requestId, before + BigInt(index + 1));
      if (event.kind === 'GRANT_STARTED') this.#note(event.grantId, before + BigInt(index + 1));
    }
  }

  /** Of a request or a grant, in this history; undefined when it has to be read. */
  of(id: string, epoch: string | undefined): bigint | undefined {
    return epoch === this.#epoch ? this.#known.get(id) : undefined;
  }

  #note(id: string, revision: bigint): void {
    this.#known.set(id, revision);
    if (this.#known.size <= MOST) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }
}
