/** What an acknowledged, refused or lost call came to. */
export type Outcome =
  | { readonly kind: 'ok'; readonly revision: bigint }
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer, or none that tells: it may have happened or not. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** One change that somebody asked for. Times are milliseconds of one clock that never steps. */
export interface Change {
  readonly what: 'submit' | 'review' | 'withdraw' | 'release' | 'revoke' | 'apply';
  readonly by: string;
  /** The request, grant or entity; of a submission that was not answered, its idempotency key. */
  readonly id: string;
  readonly key?: string;
  readonly invokedMs: number;
  readonly completedMs: number;
  readonly outcome: Outcome;
}

/** One question to one replica, and the answer. */
export interface Asked {
  readonly replica: string;
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** 0 = none. */
  readonly atLeastRevision: bigint;
  /** Whether a guardrail errs on it. */
  readonly isPoisoned: boolean;
  readonly sentMs: number;
  /** The wall clock of the machine when it was sent. */
  readonly sentAt: number;
  readonly receivedMs: number;
  readonly answer: Answer;
}

export type Answer =
  | {
      readonly kind: 'decision';
      readonly effect: 'ALLOW' | 'DENY';
      readonly grantId: string;
      readonly revision: bigint;
      readonly decidedAt: number;
    }
  | { readonly kind: 'error'; readonly reason: string };

/** Something that was broken for a while. */
export interface Fault {
  readonly name: string;
  /** The replica it was done to; every one when absent. */
  readonly replica?: string;
  /** Whether no poll of that replica could be answered meanwhile. */
  readonly isSilence: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Everything that was done, asked and answered in a run. */
export interface History {
  readonly changes: Change[];
  readonly asked: Asked[];
  readonly faults: Fault[];
}

/** Milliseconds of the clock that never steps. */
export const nowMs = (): number => performance.now();
