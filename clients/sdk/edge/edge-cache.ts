import type { Change, Heartbeat } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Decision } from '../decision.ts';
import type { CallOptions } from '../patience.ts';
import type { Question } from '../question.ts';
import type { EntityName } from '../value.ts';
import { type Instant, isBefore, later, look, NEVER } from './instant.ts';
import { isOutOfStep, leaseEnd, msOf } from './lease.ts';
import { KeptAnswers } from './kept-answers.ts';
import { nameKey, namesIn, questionKey } from './question-key.ts';

/** Asks the service. */
export type Ask = (question: Question, limits: Limits) => Promise<Decision>;

export type Limits = CallOptions & { readonly timeoutMs: number };

/** How the cache does. */
export interface EdgeStatus {
  /** Whether it may answer now: it is in step with the service. */
  readonly isLive: boolean;
  readonly entries: number;
  /** Questions that it answered. */
  readonly hits: number;
  /** Questions that it could have answered and did not have. */
  readonly misses: number;
}

export interface EdgeCacheLimits {
  readonly mostEntries: number;
  /** By `nameKey`; undefined = anybody. */
  readonly principals: ReadonlySet<string> | undefined;
}

const LAPSED: Instant = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY };

/** Answers of the service, given again in this process for as long as nothing they depend on has changed. */
export class EdgeCache {
  readonly #kept: KeptAnswers;
  readonly #principals: ReadonlySet<string> | undefined;
  /** What the stream has said last; undefined while there is none. */
  #stream: { readonly revision: bigint; readonly policyDigest: string } | undefined;
  #leaseEnd = LAPSED;
  #hits = 0;
  #misses = 0;

  constructor({ mostEntries, principals }: EdgeCacheLimits) {
    this.#kept = new KeptAnswers(mostEntries);
    this.#principals = principals;
  }

  get status(): EdgeStatus {
    const isLive = this.#stream !== undefined && isBefore(look(), this.#leaseEnd);
    return { isLive, entries: this.#kept.size, hits: this.#hits, misses: this.#misses };
  }

  /** The answer, if it is kept and holds now. */
  find(question: Question, call: CallOptions | undefined): Decision | undefined {
    const stream = this.#stream;
    if (stream === undefined || !mayBeKept(question) || call?.signal?.aborted === true) return undefined;
    const monotonicMs = performance.now();
    const wallMs = Date.now();
    if (monotonicMs >= this.#leaseEnd.monotonicMs || wallMs >= this.#leaseEnd.wallMs) return undefined;
    const key = questionKey(question);
    const kept = key === undefined ? undefined : this.#kept.get(key);
    if (kept === undefined || monotonicMs >= kept.until.monotonicMs || wallMs >= kept.until.wallMs) {
      this.#misses += 1;
      return undefined;
    }
    const { atLeastRevision } = question;
    if (atLeastRevision !== undefined && atLeastRevision > stream.revision && atLeastRevision > kept.revision)
      return undefined;
    this.#hits += 1;
    return kept.decision;
  }

  /** Asks, and keeps the answer if it may be; asks once more where the answer is older than what the stream has told of. */
  async ask(question: Question, limits: Limits, ask: Ask): Promise<Decision> {
    const sentAt = look();
    const decision = await ask(question, limits);
    const behind = this.#keep(question, decision, sentAt);
    if (behind === undefined) return decision;
    const againAt = look();
    const leftMs = limits.timeoutMs - (againAt.monotonicMs - sentAt.monotonicMs);
    const newer = await ask(
      { ...question, atLeastRevision: behind },
      { ...limits, timeoutMs: Math.max(1, leftMs) },
    );
    this.#keep(question, newer, againAt);
    return newer;
  }

  /** @returns whether the stream is to be begun anew, for its times cannot be relied on */
  hear(heartbeat: Heartbeat, askedAt: Instant, receivedAt: Instant): boolean {
    const received = { heartbeat, askedAt, receivedAt };
    if (isOutOfStep(received)) return true;
    const { revision, policyDigest } = heartbeat;
    if (this.#stream !== undefined && this.#stream.policyDigest !== policyDigest) this.#kept.clear();
    this.#stream = { revision, policyDigest };
    this.#leaseEnd = leaseEnd(received);
    return false;
  }

  forget({ revision, all, entities }: Change): void {
    if (all) this.#kept.clear();
    for (const entity of entities) this.#kept.forget(nameKey(entity) ?? '');
    if (this.#stream !== undefined) this.#stream = { ...this.#stream, revision };
  }

  /** Without a stream nothing is known any more. */
  end(): void {
    this.#stream = undefined;
    this.#leaseEnd = LAPSED;
    this.#kept.clear();
  }

  /** @returns the revision to ask at again, where the answer is older than the stream */
  #keep(question: Question, decision: Decision, sentAt: Instant): bigint | undefined {
    const stream = this.#stream;
    if (stream === undefined || decision.effect === 'error' || !mayBeKept(question)) return undefined;
    const { mayBeKept: isFit, stale, revision, policyDigest, validUntil, validFor } = decision.answer;
    if (!isFit || stale || !this.#isWatched(question.principal)) return undefined;
    if (revision < stream.revision) return stream.revision;
    const key = questionKey(question);
    if (policyDigest !== stream.policyDigest || key === undefined) return undefined;
    // What ends at some time and does not say after how long is not kept.
    const until = validUntil === undefined ? NEVER : later(sentAt, msOf(validFor));
    this.#kept.set(key, { decision: frozen(decision), revision, until, names: namesIn(question) });
    return undefined;
  }

  #isWatched(principal: EntityName): boolean {
    return this.#principals === undefined || this.#principals.has(nameKey(principal) ?? '');
  }
}

/** A use of a grant, a rehearsal and an explanation are asked for each time. */
function mayBeKept({ useId, explain, dryRun }: Question): boolean {
  return useId === undefined && explain !== true && dryRun !== true;
}

/** Whoever is given it changes it for nobody else. */
function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (part instanceof Object && !Object.isFrozen(part)) frozen(part);
  return Object.freeze(value);
}
