import { deepStrictEqual } from 'node:assert/strict';
import type { Share } from './command.ts';
import { seenGrant } from './grant-calls.ts';
import type { Model } from './model.ts';
import type { ModelGrant, ModelItem, ModelRequest, ModelState } from './records.ts';
import { seenRequest } from './request-calls.ts';
import { canSeat, counted, fillable } from './votes.ts';
import type { World } from './world.ts';

/** Learns of new grants what the model leaves open: their ids, and which of those who agreed fill the seats. */
export async function learn(model: Model, { world }: Share): Promise<void> {
  const fresh = model.items().filter(({ grant }) => grant !== undefined && grant.id === '');
  for (const item of fresh) {
    const { grant } = item;
    const seen = await seenRequest(world.context, item.request.id);
    const { grantId } = seen.items[item.item] ?? {};
    if (grant === undefined || grantId === undefined) throw new Error('what was agreed to was not granted');
    grant.id = grantId;
    grant.approvers = (await seenGrant(world.context, grantId)).approvers;
    requireSeated(model, item, grant);
  }
}

/** I5: each seat is filled by a person of its own whose vote counts. */
function requireSeated(model: Model, item: ModelItem, { approvers, steps }: ModelGrant): void {
  const voters = counted(model, item).map(({ by }) => by);
  const isSeated =
    approvers.length === steps.length &&
    new Set(approvers).size === approvers.length &&
    approvers.every((by) => voters.includes(by)) &&
    canSeat(
      steps,
      approvers.map((by) => fillable(model, by, item)),
    );
  deepStrictEqual({ approvers, isSeated }, { approvers, isSeated: true });
}

/** Compares what has not ended, and once what has: that it stays so, the tables are asked afterwards (I6). */
export async function compareAll(model: Model, { world, over }: Share): Promise<void> {
  const open = model.requests.filter(({ id }) => !over.has(id));
  await Promise.all(open.map(async (request) => await compareRequest(world, request)));
  for (const { id, items } of open) if (items.every(({ state }) => state !== 'PENDING')) over.add(id);
  const live = model.grants.filter(({ id }) => !over.has(id));
  await Promise.all(live.map(async (grant) => await compareGrant(model, world, grant)));
  for (const grant of live) if (grant.state === 'ENDED' && !model.isIdle(grant)) over.add(grant.id);
  const held = new Map(model.grants.map((grant) => [`${grant.subject} ${grant.resource}`, grant]));
  for (const grant of model.grants.filter((it) => model.isIdle(it)))
    held.delete(`${grant.subject} ${grant.resource}`);
  for (const { subject, resource } of held.values())
    deepStrictEqual(await world.mayRead(subject, resource), model.mayRead(subject, resource));
}

async function compareRequest(world: World, { id, items, extends: extended }: ModelRequest): Promise<void> {
  const seen = await seenRequest(world.context, id);
  const states = items.map(({ state }) => state);
  const grantIds = items.map(({ grant }) => grant?.id ?? extended?.id);
  deepStrictEqual(
    { state: seen.state, items: seen.items },
    { state: stateOf(states), items: states.map((state, item) => ({ state, grantId: grantIds[item] })) },
  );
}

/** What the items of a request come to. */
function stateOf(states: readonly ModelState[]): string {
  if (states.includes('PENDING')) return 'PENDING';
  const [first = 'PENDING'] = states;
  if (states.every((state) => state === first)) return first;
  if (states.includes('APPROVED')) return 'PARTIALLY_APPROVED';
  return states.includes('WITHDRAWN') ? 'WITHDRAWN' : 'DENIED';
}

async function compareGrant(model: Model, world: World, grant: ModelGrant): Promise<void> {
  const { minutes, approvers: _, ...seen } = await seenGrant(world.context, grant.id);
  const { endReason, actions, usesLeft, extensions } = grant;
  // A lock may hold back what has begun by the clock.
  const isHeldBack = grant.state === 'SCHEDULED' && model.now >= grant.startsAt;
  const state = isHeldBack ? 'ACTIVE' : grant.state;
  deepStrictEqual(seen, { state, endReason, actions, usesLeft, extensions });
  if (state !== 'ENDED') deepStrictEqual(minutes, grant.minutes);
}
