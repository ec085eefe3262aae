import { AccessError } from '../access/access-error.ts';
import { TurnBudget, type TurnLimits } from './turn-budget.ts';

/** How much a server takes on before it refuses calls, so that those that it takes are answered in time. */
export interface AdmissionLimits extends TurnLimits {
  /** Calls that are answered at once, a call of many questions counting as many. */
  readonly maxInFlight: number;
  /** A call whose caller waits no longer than this is not worth answering. */
  readonly leastLeftMs: number;
}

/** Why a call is refused. */
export const OVERLOADS = ['in_flight', 'queue', 'deadline'] as const;

export type Overload = (typeof OVERLOADS)[number];

/** Decides which calls are answered. */
export interface Admission {
  /** A call has arrived, of which nothing but the headers is known. @returns why it is refused, undefined when it is let in */
  arrive(leftMs: number): Overload | undefined;
  /** A call that was let in is about to be answered. @throws AccessError OVERLOADED when its caller is about to give up */
  begin(leftMs: number): Work;
}

/** A call that is being answered. */
export interface Work {
  /** It counts as so many calls from now on. @throws AccessError OVERLOADED when there is no room for them */
  weigh(calls: number): void;
  end(): void;
}

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  /** Told of every refusal. */
  readonly onRefused: (why: Overload) => void;
  /** Replaced only to test. */
  readonly budget?: Pick<TurnBudget, 'taken' | 'waitMs' | 'isSpent' | 'take'>;
}

/**
 * Calls count while they are answered and in the turn of the event loop that they come in, so that those that send headers and no
 * request take nobody's place.
 */
export function createAdmission({
  limits,
  onRefused,
  budget = new TurnBudget(limits),
}: AdmissionOptions): Admission {
  const { maxInFlight, leastLeftMs } = limits;
  let working = 0;

  function overload(leftMs: number): Overload | undefined {
    // Half of what is left is for what nobody foresees: a collection of garbage, another process on the core.
    if (leftMs < Math.max(leastLeftMs, 2 * budget.waitMs)) return 'deadline';
    if (budget.taken + working >= maxInFlight) return 'in_flight';
    return budget.isSpent() ? 'queue' : undefined;
  }

  function refusal(why: Overload): AccessError {
    onRefused(why);
    return overloaded(why);
  }

  return {
    arrive(leftMs) {
      const why = overload(leftMs);
      if (why === undefined) budget.take();
      else onRefused(why);
      return why;
    },
    begin(leftMs) {
      if (leftMs < leastLeftMs) throw refusal('deadline');
      let own = 1;
      working += own;
      return {
        weigh(calls) {
          const others = working - own;
          // Alone it is let in however much it asks, for it would never be.
          if (others > 0 && others + calls > maxInFlight) throw refusal('in_flight');
          working = others + calls;
          own = calls;
        },
        end: () => void (working -= own),
      };
    },
  };
}

const whys: Readonly<Record<Overload, string>> = {
  in_flight: 'as many calls are being answered as may',
  queue: 'calls have waited too long for a while',
  deadline: 'no answer would come before the deadline of the call',
};

/** What a refused call is told. */
export function overloaded(why: Overload): AccessError {
  return new AccessError('OVERLOADED', `${whys[why]}; wait a moment and call again`, { metadata: { why } });
}
