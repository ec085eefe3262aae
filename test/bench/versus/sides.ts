import { type ClosedLoopOptions, closedLoop, type Measured, openLoop } from '../generator/measure.ts';
import type { Order, Questions } from '../generator/questions.ts';
import { familyCpuMs } from '../process-family.ts';
import type { Report } from '../report/report.ts';

/** One of the servers that are compared. */
export interface Side {
  readonly name: string;
  /** host:port */
  readonly address: string;
  readonly questions: Questions;
  readonly pid: () => number | undefined;
}

/** What a side did in one round. */
export interface Round extends Measured {
  /** Microseconds of processor time of the server, over all cores, for each call: others on the machine change it less than the rest. */
  readonly cpuUs: number;
}

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Offered in a second; as soon as one is answered, the next, unless said. */
  readonly rate?: number;
}

export const CONNECTIONS = 4;
export const IN_FLIGHT = 32;

/**
 * Puts the sides under load one after the other, round after round, so that what else happens on the machine meets all alike.
 * @returns the rounds of each side, in the order of the sides
 */
export async function alternate(
  report: Report,
  sides: readonly { readonly side: Side; readonly next: Order }[],
  { rounds, seconds, rate }: RoundOptions,
): Promise<readonly (readonly Round[])[]> {
  const made: Round[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, { side, next }] of sides.entries()) {
      const options = { address: side.address, questions: side.questions, next, seconds };
      const result = await oneRound(
        side,
        { ...options, connections: CONNECTIONS, inFlight: IN_FLIGHT },
        rate,
      );
      for (const [fault, count] of result.faults) report.fault(`${side.name}: ${count} × ${fault}`);
      made[index]?.push(result);
    }
  }
  return made;
}

async function oneRound(side: Side, options: ClosedLoopOptions, rate: number | undefined): Promise<Round> {
  const beforeMs = await familyCpuMs(side.pid());
  const measured = await (rate === undefined ? closedLoop(options) : openLoop({ ...options, rate }));
  const cpuUs = (((await familyCpuMs(side.pid())) - beforeMs) * 1_000) / measured.calls;
  return { ...measured, cpuUs };
}

/** Asks the first questions of an order, unmeasured. */
export async function warmUp(side: Side, next: Order, most: number): Promise<void> {
  const { address, questions } = side;
  await closedLoop({
    address,
    questions,
    next,
    most,
    seconds: 60,
    connections: CONNECTIONS,
    inFlight: IN_FLIGHT,
  });
}
