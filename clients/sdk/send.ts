import { type Call, callUnary } from './call.ts';
import type { Connection } from './connection.ts';
import { CurfewError } from './curfew-error.ts';
import { type Patience, pause } from './patience.ts';
import { isBreakage, pushbackOf } from './retry.ts';
import { type Throttle, usualPushbackMs } from './throttle.ts';

export interface SendOptions {
  readonly throttle: Throttle;
  /** @param avoided what the call failed on */
  readonly pick: (patience: Patience, avoided?: Connection) => Promise<Connection>;
  readonly isClosed: () => boolean;
}

export interface Sending {
  readonly patience: Patience;
  /** Whether the call may be sent when nobody knows what became of the first. */
  readonly mayRepeat: boolean;
}

/** Sends a call until it is answered, or nothing more can be done. @throws CurfewError */
export type Send = (call: Call, sending: Sending) => Promise<Buffer>;

/** An answer, or that the service has too much to do. */
type Outcome = { readonly answer: Buffer } | { readonly refusal: CurfewError; readonly by: Connection };

/**
 * Sends calls to one service: a second time, on another connection, when the connection breaks; and after waiting as it is told, for as
 * long as the call may take, when the service has too much to do.
 */
export function createSend({ throttle, pick, isClosed }: SendOptions): Send {
  async function sendTwice(
    call: Call,
    { patience, mayRepeat }: Sending,
    avoided?: Connection,
  ): Promise<Outcome> {
    let by = await pick(patience, avoided);
    try {
      const answer = await sendOnce(by, call).catch(async (error: CurfewError) => {
        const isGivenUp = isClosed() || call.signal?.aborted === true;
        if (isGivenUp || !isBreakage(error) || !mayRepeat) throw error;
        by = await pick(patience, by);
        return await sendOnce(by, call);
      });
      throttle.answered();
      return { answer };
    } catch (error) {
      const refusal = CurfewError.from(error);
      const pushbackMs = pushbackOf(refusal);
      if (refusal.code === 'DEADLINE_EXCEEDED' && patience.timeoutMs > usualPushbackMs) throttle.unanswered();
      if (pushbackMs === undefined || pushbackMs < 0) throw refusal;
      throttle.refused(pushbackMs);
      return { refusal, by };
    }
  }

  return async (call, sending) => {
    for (let refusedBy: Connection | undefined; ; ) {
      const outcome = await sendTwice(call, sending, refusedBy);
      if ('answer' in outcome) return outcome.answer;
      const pauseMs = throttle.pauseMs();
      const mayWait = sending.mayRepeat && !isClosed() && Date.now() + pauseMs < call.deadline;
      if (!mayWait || !throttle.maySend()) throw outcome.refusal;
      await pause(pauseMs, sending.patience);
      refusedBy = outcome.by;
    }
  };
}

async function sendOnce(connection: Connection, call: Call): Promise<Buffer> {
  try {
    const answer = await callUnary(connection.client(), call);
    connection.note(undefined);
    return answer;
  } catch (error) {
    const known = withAddress(error, connection.address);
    connection.note(known);
    throw known;
  }
}

/** Where nobody answers is what a reader must know first; of the library's own words only the cause helps. */
export function withAddress(error: unknown, address: string): CurfewError {
  const known = CurfewError.from(error);
  if (known.code !== 'UNAVAILABLE' || known.reason !== undefined) return known;
  const cause = /Last error: (?:Error: )?(.*?)\.?(?: Resolution note:.*)?$/s.exec(known.message)?.[1];
  return new CurfewError('UNAVAILABLE', `no answer from ${address}: ${cause ?? known.message}`, {
    cause: known.cause,
  });
}
