import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { AccessError } from '../../../core/access/access-error.ts';
import { settleAgreed } from '../../../services/grant/settle-agreed.ts';
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
    return this.#isFit(model);
  }

  async run(model: Model, share: Share): Promise<void> {
    const isTaken = await this.#does(model, share);
    const kind = this.#name.split(' ')[0] ?? '';
    const count = share.tally.get(kind) ?? { taken: 0, refused: 0 };
    count[isTaken ? 'taken' : 'refused'] += 1;
    share.tally.set(kind, count);
    await share.world.does(settleAgreed);
    for (const request of model.settle()) await learn(share, request);
    await compareAll(model, share);
  }

  toString(): string {
    return this.#name;
  }
}

/** Does it and says whether it was taken; what is refused is refused by an AccessError. */
export async function taken<T>(
  doing: Promise<T>,
): Promise<{ readonly isTaken: boolean; readonly result?: T; readonly why: string }> {
  try {
    return { isTaken: true, result: await doing, why: 'taken' };
  } catch (error) {
    if (!(error instanceof AccessError) || error.reason === 'INTERNAL') throw error;
    return { isTaken: false, why: error.reason };
  }
}

export async function wanted(is: boolean, doing: Promise<unknown>): Promise<boolean> {
  const { isTaken, why } = await taken(doing);
  deepStrictEqual(isTaken, is, why);
  return is;
}

/** Which of those that a command is about: mostly the newest. */
export const index = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5);
/** From this one on, also those that it is sure to be refused for. */
const ANY = 3;

/** Counted from the newest of those that are likely to be fit, if there are some. */
function pick<T>(all: readonly T[], which: number, isLikely: (it: T) => boolean): T | undefined {
  const likely = which >= ANY ? [] : all.filter(isLikely);
  const from = likely.length > 0 ? likely : all;
  return from[from.length - 1 - (which % Math.max(from.length, 1))];
}

/** What a command about a request or a grant is and does. */
interface About<T> {
  readonly name: string;
  readonly which: number;
  /** Whether it is likely to be taken. */
  readonly isLikely: (it: T, model: Model) => boolean;
  readonly does: (model: Model, share: Share, it: T) => Promise<boolean>;
}

export function aboutRequest({ name, which, isLikely, does }: About<ModelRequest>): Command {
  return new Command(
    `${name} #${which}`,
    (model) => model.requests.length > 0,
    async (model, share) =>
      does(model, share, pick(model.requests, which, (it) => isLikely(it, model)) ?? missing()),
  );
}

export function aboutGrant({ name, which, isLikely, does }: About<ModelGrant>): Command {
  return new Command(
    `${name} #${which}`,
    (model) => model.grants.length > 0,
    async (model, share) =>
      does(model, share, pick(model.grants, which, (it) => isLikely(it, model)) ?? missing()),
  );
}

/** Learns the id of the grant that a request became. */
export async function learn({ world }: Share, request: ModelRequest): Promise<void> {
  if (request.grant === undefined || request.grant.id !== '') return;
  request.grant.id = (await world.request(request.id)).grantId ?? '';
}

/** Compares what has not ended, and once what has: that it stays so, the tables are asked afterwards (I6). */
async function compareAll(model: Model, { world, over }: Share): Promise<void> {
  for (const request of model.requests.filter(({ id }) => !over.has(id))) {
    const seen = await world.request(request.id);
    deepStrictEqual({ id: request.id, state: seen.state }, { id: request.id, state: request.state });
    if (request.state !== 'PENDING') over.add(request.id);
  }
  for (const grant of model.grants.filter(({ id }) => !over.has(id))) {
    await compareGrant(model, world, grant);
    if (grant.state === 'ENDED') over.add(grant.id);
  }
  const held = new Map(model.grants.map((grant) => [`${grant.subject} ${grant.resource}`, grant]));
  for (const { subject, resource } of held.values())
    deepStrictEqual(await world.mayRead(subject, resource), model.mayRead(subject, resource));
}

async function compareGrant(model: Model, world: World, grant: ModelGrant): Promise<void> {
  const { minutes, ...seen } = await world.grant(grant.id);
  const { endReason, actions, usesLeft, extensions } = grant;
  // A lock may hold back what has begun by the clock.
  const isHeldBack = grant.state === 'SCHEDULED' && model.now >= grant.startsAt;
  const state = isHeldBack ? 'ACTIVE' : grant.state;
  deepStrictEqual(seen, { state, endReason, actions, usesLeft, extensions });
  if (state !== 'ENDED') deepStrictEqual(minutes, grant.minutes);
}

/** Stands where a value cannot be missing. */
export function missing(): never {
  throw new Error('what the command is about is not there');
}
