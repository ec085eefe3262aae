import { deepStrictEqual } from 'node:assert/strict';
import type fc from 'fast-check';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Model, ModelGrant, ModelRequest } from './model.ts';
import type { World } from './world.ts';

/** One run's share of the world. */
export interface Share {
  readonly world: World;
  /** The run's own databases, by kind. */
  readonly databases: ReadonlyMap<string, string>;
  /** How often each command was taken and refused, over all runs. */
  readonly tally: Map<string, { taken: number; refused: number }>;
  readonly nextReason: () => string;
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

/** Counted from the newest. */
const pick = <T>(of: readonly T[], which: number): T | undefined =>
  of[of.length - 1 - (which % Math.max(of.length, 1))];
export function aboutRequest(
  name: string,
  which: number,
  does: (model: Model, share: Share, request: ModelRequest) => Promise<boolean>,
): Command {
  return new Command(
    `${name} #${which}`,
    (model) => model.requests.length > 0,
    async (model, share) => does(model, share, pick(model.requests, which) ?? missing()),
  );
}

export function aboutGrant(
  name: string,
  which: number,
  does: (model: Model, share: Share, grant: ModelGrant) => Promise<boolean>,
): Command {
  return new Command(
    `${name} #${which}`,
    (model) => model.grants.length > 0,
    async (model, share) => does(model, share, pick(model.grants, which) ?? missing()),
  );
}

/** Learns the id of the grant that a request became. */
export async function learn({ world }: Share, request: ModelRequest): Promise<void> {
  if (request.grant === undefined || request.grant.id !== '') return;
  request.grant.id = (await world.request(request.id)).grantId ?? '';
}

async function compareAll(model: Model, { world }: Share): Promise<void> {
  for (const request of model.requests) {
    const seen = await world.request(request.id);
    deepStrictEqual({ id: request.id, state: seen.state }, { id: request.id, state: request.state });
  }
  for (const grant of model.grants) {
    const { minutes, ...seen } = await world.grant(grant.id);
    const { state, endReason, actions, usesLeft, extensions } = grant;
    deepStrictEqual(seen, { state, endReason, actions, usesLeft, extensions });
    if (state !== 'ENDED') deepStrictEqual(minutes, grant.minutes);
  }
  for (const { subject, resource } of model.grants)
    deepStrictEqual(await world.mayRead(subject, resource), model.mayRead(subject, resource));
}

/** Stands where a value cannot be missing. */
export function missing(): never {
  throw new Error('what the command is about is not there');
}
