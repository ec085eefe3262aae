import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { endAllIneligible } from '../../../services/grant/keep-eligible.ts';
import { Command, missing } from './command.ts';
import { build, move, remove } from './directory-calls.ts';
import type { Model } from './model.ts';
import { homeOf } from './model-directory.ts';
import type { ModelGrant, ModelRequest } from './records.ts';
import { withdrawPending } from './request-commands.ts';
import { isPending } from './review-refusal.ts';
import { KINDS } from './terms.ts';
import { takeVotesBack } from './vote-commands.ts';

const PEOPLE = ['ada', 'eve', 'dee', 'sam', 'dee', 'sam', 'lea', 'lea'] as const;

export const change = fc
  .record({
    person: fc.constantFrom(...PEOPLE),
    isIn: fc.constantFrom(true, true, true, false),
  })
  .map(
    ({ person, isIn }) =>
      new Command(
        `${isIn ? 'join' : 'leave'} ${person}`,
        ({ directory }) => directory.isHome(person) !== isIn && (isIn || directory.people.has(person)),
        async (model, share) => {
          await move(share.world.context, person, isIn ? homeOf(person) : []);
          if (isIn) model.directory.join(person);
          else model.directory.leave(person);
          model.endIneligible(({ subject }) => subject === person);
          return true;
        },
      ),
  );

/** Not often, so that most of a life is left. */
const isRare = fc.constantFrom(true, false, false, false, false);

const OWNERSHIPS = [['bob'], ['cy'], ['bob', 'cy'], ['bob', 'dee'], ['cy', 'eve']] as const;

/** A database changes hands. */
export const give = fc
  .record({ kind: fc.constantFrom(...KINDS), owners: fc.constantFrom(...OWNERSHIPS), isNow: fc.boolean() })
  .map(({ kind, owners, isNow }) => {
    const isFit = ({ directory, databases }: Model): boolean => {
      if (!isNow) return false;
      const now = directory.owners.get(databases.get(kind) ?? missing());
      return (
        now !== undefined && now.join() !== owners.join() && owners.every((it) => directory.people.has(it))
      );
    };
    return new Command(`give ${kind} ${owners.join('+')}`, isFit, async (model, share) => {
      const id = share.databases.get(kind) ?? missing();
      await build(share.world.context, [{ id, environment: kind, owners }]);
      model.directory.owners.set(id, owners);
      model.endIneligible(({ resource }) => resource === id);
      return true;
    });
  });

export const removePerson = fc.record({ person: fc.constantFrom('ada', 'eve', 'dee', 'lea'), isRare }).map(
  ({ person, ...it }) =>
    new Command(
      `delete ${person}`,
      ({ directory }) => it.isRare && directory.people.has(person),
      async (model, share) => {
        model.directory.leave(person);
        model.directory.people.delete(person);
        const told = await remove(share.world.context, { type: 'User', id: person });
        const isOf = ({ requester, subject }: ModelRequest): boolean =>
          requester === person || subject === person;
        deepStrictEqual(told, {
          ...takeOut(model, isOf, ({ subject }) => subject === person),
          unvoted: takeVotesBack(model, person),
        });
        return true;
      },
    ),
);

export const removeDatabase = fc.record({ kind: fc.constantFrom(...KINDS), isRare }).map(
  ({ kind, ...it }) =>
    new Command(
      `delete-database ${kind}`,
      ({ directory, databases }) => it.isRare && directory.owners.has(databases.get(kind) ?? missing()),
      async (model, share) => {
        const id = share.databases.get(kind) ?? missing();
        model.directory.owners.delete(id);
        const told = await remove(share.world.context, { type: 'Database', id });
        const isOf = ({ items }: ModelRequest): boolean => items.some(({ resource }) => resource === id);
        deepStrictEqual(told, { ...takeOut(model, isOf, ({ resource }) => resource === id), unvoted: [] });
        return true;
      },
    ),
);

/** Ends and withdraws what was of something that is gone. @returns the ids */
function takeOut(
  model: Model,
  isOf: (request: ModelRequest) => boolean,
  isMeant: (grant: ModelGrant) => boolean,
) {
  const requests = model.requests.filter((it) => isPending(it) && isOf(it));
  const grants = model.grants.filter((it) => it.state !== 'ENDED' && isMeant(it));
  for (const request of requests) withdrawPending(request);
  for (const grant of grants) model.end(grant, 'INELIGIBLE');
  return {
    ended: grants.map(({ id }) => id).toSorted(),
    withdrawn: requests.map(({ id }) => id).toSorted(),
  };
}

/** The job that looks at all grants after changes. */
export const lookAround = fc.constant(undefined).map(
  () =>
    new Command(
      'look',
      (model) => model.grants.some((it) => it.state !== 'ENDED' && model.isOut(it)),
      async (model, share) => {
        await share.world.does(endAllIneligible);
        model.endIneligible();
        return true;
      },
    ),
);
