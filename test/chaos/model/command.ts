import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { AccessError, type Reason } from '../../../core/access/access-error.ts';
import { writeLapses } from '../../../services/grant/jobs/write-lapses.ts';
import { settleAgreed } from '../../../services/grant/settle-agreed.ts';
import { compareAll, learn } from './compare.ts';
import { settle } from './granting.ts';
import type { Model } from './model.ts';
import type { ModelGrant, ModelRequest } from './records.ts';
import type { World } from './world.ts';

/** One run's share of the world. */
export interface Share {
  readonly world: World;
  /** The run's own databases, by kind. */
  readonly databases: ReadonlyMap<string, string>;
  /** How often each command was taken and refused, over all runs. */
  readonly tally: Map<string, { taken: number; refused: number }>;
  readonly nextReason: () => string;
  /** Ids of what has ended and was seen so. */
  readonly over: Set<string>;
}

export type LifeCommand = fc.AsyncCommand<Model, Share>;

/** What a command does to model and world; true when the model says that it is taken. */
type Doing = (model: Model, share: Share) => Promise<boolean>;

export class Command implements LifeCommand {
  readonly #name: string;
  readonly #isFit: (model: Model) => boolean;
  readonly #does: Doing;

  constructor(name: string, isFit: (model: Model) => boolean, does: Doing) {
    this.#name = name;
    this.#isFit = isFit;
    this.#does = does;
  }

  check(model: Readonly<Model>): boolean {
    return model.commandsLeft > 0 && this.#isFit(model);
  }

  async run(model: Model, share: Share): Promise<void> {
    model.commandsLeft -= 1;
    const isTaken = await this.#does(model, share);
    const kind = this.#name.split(' ')[0] ?? '';
    const count = share.tally.get(kind) ?? { taken: 0, refused: 0 };
    count[isTaken ? 'taken' : 'refused'] += 1;
    share.tally.set(kind, count);
    // What was held back may begin now.
    if (model.isStartDue()) await share.world.does(writeLapses);
    model.open();
    await share.world.does(settleAgreed);
    settle(model);
    await learn(model, share);
    await compareAll(model, share);
  }

  toString(): string {
    return this.#name;
  }
}

/** Does it and says why it was refused, if it was; what is refused is refused by an AccessError. */
export async function tried<T>(
  doing: Promise<T>,
): Promise<{ readonly reason: Reason | undefined; readonly result?: T }> {
  try {
    return { reason: undefined, result: await doing };
  } catch (error) {
    if (!(error instanceof AccessError) || error.reason === 'INTERNAL') throw error;
    return { reason: error.reason };
  }
}

/** Does it and wants it refused for that reason, or taken if there is none. @returns whether it was taken */
export async function wanted(reason: Reason | undefined, doing: Promise<unknown>): Promise<boolean> {
  deepStrictEqual((await tried(doing)).reason, reason);
  return reason === undefined;
}

/** Which of those that a command is about: mostly the newest. */
export const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
/** From this one on, also those that it is sure to be refused for. */
const ANY = 3;

/** What a command about a request or a grant is and does. */
interface About<T> {
  readonly name: string;
  readonly which: number;
  /** Whether it is likely to be taken. */
  readonly isLikely: (it: T, model: Model) => boolean;
  readonly does: (model: Model, share: Share, it: T) => Promise<boolean>;
}

export function aboutRequest(about: About<ModelRequest>): Command {
  return aboutOne(about, ({ requests }) => requests);
}

export function aboutGrant(about: About<ModelGrant>): Command {
  return aboutOne(about, ({ grants }) => grants);
}

/** Counted from the newest of those that are likely to be fit. */
function aboutOne<T>(
  { name, which, isLikely, does }: About<T>,
  allOf: (model: Model) => readonly T[],
): Command {
  const fit = (model: Model): readonly T[] =>
    which >= ANY ? allOf(model) : allOf(model).filter((it) => isLikely(it, model));
  return new Command(
    `${name} #${which}`,
    (model) => fit(model).length > 0,
    async (model, share) => {
      const from = fit(model);
      return await does(model, share, from[from.length - 1 - (which % from.length)] ?? missing());
    },
  );
}

/** Stands where a value cannot be missing. */
export function missing(): never {
  throw new Error('what the command is about is not there');
}
