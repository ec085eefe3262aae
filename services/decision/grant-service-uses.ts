import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { LiveGrant } from '../../core/access/grant.ts';
import type { RemoteService } from '../../core/rpc/remote-service.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { GrantService } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { USE_REPORT_MS, USE_TIMEOUT_MS, USES_REMEMBERED, USES_REPORTED } from './limits.ts';
import { type Asking, notAcknowledged, type Use, type Uses } from './uses.ts';

export interface UsesOptions {
  /** Undefined when this process was told of no grant service: nothing is acknowledged then. */
  readonly remote: RemoteService | undefined;
  readonly log: Pick<Logger, 'warn'>;
  /** How often noted uses are told; 15,000 unless said. */
  readonly reportMs?: number;
}

/** Why a grant is of no use: whatever else the grant service answers says nothing of the grant. */
const REFUSALS: ReadonlySet<string> = new Set(['GRANT_ENDED', 'GRANT_NOT_FOUND', 'GRANT_STATE', 'LOCKED']);

/** Tells a grant service of uses: each that must be acknowledged at once, the others in batches. */
export class GrantServiceUses implements Uses {
  readonly #remote: RemoteService | undefined;
  readonly #log: UsesOptions['log'];
  /** By grant: when it was last used by this process. */
  readonly #seen = new Map<string, Date>();
  readonly #untold = new Untold();
  readonly #timer: NodeJS.Timeout;

  constructor({ remote, log, reportMs = USE_REPORT_MS }: UsesOptions) {
    this.#remote = remote;
    this.#log = log;
    this.#timer = setInterval(() => void this.#report(), reportMs); // it never rejects
    this.#timer.unref();
  }

  async acknowledge(
    { grantId, useId, otherIds }: Use,
    { authorization, signal }: Asking,
  ): Promise<string | undefined> {
    const remote = this.#remote;
    if (remote === undefined) throw notAcknowledged();
    const at = new Date();
    try {
      const call = { authorization, timeoutMs: USE_TIMEOUT_MS, signal };
      const message = { id: grantId, useId, otherIds: [...otherIds] };
      const { countedBy } = await remote.call(GrantService.method.useGrant, message, call);
      if (countedBy !== '') return countedBy;
    } catch (error) {
      if (REFUSALS.has(remote.reasonOf(error) ?? '')) return undefined;
      throw notAcknowledged(error);
    }
    remember(this.#seen, grantId, at);
    return grantId;
  }

  lastUsedAt({ id, lastUsedAt }: LiveGrant): Date | undefined {
    return latest(this.#seen.get(id), lastUsedAt);
  }

  note(grantId: string, at: Date, { authorization }: Asking): void {
    remember(this.#seen, grantId, at);
    this.#untold.add(grantId, at, authorization);
  }

  /** Tells what it has noted, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#report();
    this.#remote?.close();
  }

  async #report(): Promise<void> {
    for (const { authorization, uses } of this.#untold.take()) {
      const nowMs = Date.now();
      const message = {
        uses: uses.map(({ grantId: id, at }) => ({
          id,
          ago: durationFromMs(Math.max(nowMs - at.getTime(), 0)),
        })),
      };
      try {
        await this.#remote?.call(GrantService.method.reportGrantUses, message, {
          authorization,
          timeoutMs: USE_TIMEOUT_MS,
        });
      } catch (error) {
        // The next use tells of it at the latest: a grant ends too early then, never too late.
        this.#log.warn({ err: error, count: uses.length }, 'the grant service could not be told of uses');
      }
    }
  }
}

function remember(seen: Map<string, Date>, grantId: string, at: Date): void {
  seen.delete(grantId);
  seen.set(grantId, at);
  if (seen.size <= USES_REMEMBERED) return;
  for (const oldest of seen.keys()) {
    seen.delete(oldest);
    return;
  }
}

function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

interface Told {
  readonly authorization: string | undefined;
  readonly uses: readonly { readonly grantId: string; readonly at: Date }[];
}

/** Uses that have yet to be told, in whose name. */
class Untold {
  readonly #uses = new Map<string, { readonly at: Date; readonly authorization: string | undefined }>();

  add(grantId: string, at: Date, authorization: string | undefined): void {
    if (this.#uses.size < USES_REMEMBERED || this.#uses.has(grantId))
      this.#uses.set(grantId, { at, authorization });
  }

  /** What there is, in parts that fit a report. */
  take(): readonly Told[] {
    const all = Array.from(this.#uses, ([grantId, use]) => ({ grantId, ...use }));
    this.#uses.clear();
    const parts: Told[] = [];
    for (const [authorization, uses] of Map.groupBy(all, (use) => use.authorization))
      for (let from = 0; from < uses.length; from += USES_REPORTED)
        parts.push({ authorization, uses: uses.slice(from, from + USES_REPORTED) });
    return parts;
  }
}
