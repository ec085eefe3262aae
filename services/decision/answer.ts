import { randomUUID } from 'node:crypto';
import type { Replica } from '../../core/replica/replica.ts';
import type { AccessOption } from './access-options.ts';
import type { Kept, Settled } from './memo.ts';
import type { Moment } from './moment.ts';

/** The answer to one question. */
export interface Answer {
  readonly settled: Settled;
  /** A UUID. */
  readonly decisionId: string;
  readonly revision: bigint;
  readonly policyDigest: string;
  readonly stale: boolean;
  readonly decidedAt: Date;
  /** Whether it may be kept and given again until `validUntil`, or else until something changes that the question names. */
  readonly mayBeKept: boolean;
  /** On a deny, when it was to be explained. */
  readonly accessOptions: readonly AccessOption[];
  /** What the memo gave it by; undefined when it was decided anew. */
  readonly kept: Kept | undefined;
}

const NO_OPTIONS: readonly AccessOption[] = [];

/** What was decided, and when, of which state, for whom. */
export interface Decided {
  readonly settled: Settled;
  readonly kept: Kept | undefined;
  readonly replica: Replica;
  readonly moment: Moment;
  /** Whether whoever asks may ask again until policies or directory change. */
  readonly mayGoOnAsking: boolean;
}

/** The answer that a decision makes, with nothing explained. */
export function answerOf({ settled, kept, replica, moment, mayGoOnAsking }: Decided): Answer {
  return {
    settled,
    mayBeKept: mayGoOnAsking && settled.mayBeKept,
    decisionId: randomUUID(),
    revision: replica.revision,
    policyDigest: replica.engine.policies.digest,
    stale: moment.freshness !== 'fresh',
    decidedAt: moment.now,
    accessOptions: NO_OPTIONS,
    kept,
  };
}
