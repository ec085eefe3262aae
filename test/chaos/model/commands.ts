import fc from 'fast-check';
import { writeLapses } from '../../../services/grant/jobs/write-lapses.ts';
import { Command, type LifeCommand, type Share } from './command.ts';
import { activate, extend, release, report, revoke, use } from './grant-commands.ts';
import { lock, unlock } from './lock-commands.ts';
import { move } from './directory-calls.ts';
import { change, give, lookAround, removeDatabase, removePerson } from './directory-commands.ts';
import type { Model } from './model.ts';
import { homeOf } from './model-directory.ts';
import { vote as voted } from './request-calls.ts';
import { ask, withdraw } from './request-commands.ts';
import { ADMIN, HOME } from './terms.ts';
import { offboard, revokeMany } from './taking-out-commands.ts';
import { takeBack, vote } from './vote-commands.ts';

const pass = fc
  .record({
    minutes: fc.constantFrom(10, 10, 10, 10, 20, 20, 60, 60, 540, 1_500),
    isWritten: fc.boolean(),
  })
  .map(
    ({ minutes, isWritten }) =>
      new Command(
        `pass ${minutes}m`,
        () => true,
        async (model, share) => {
          await share.world.pass(minutes);
          // Whether a start was allowed is known for sure only when somebody looks; all else is right though nobody writes it.
          if (isWritten || model.isStartDue(minutes)) await share.world.does(writeLapses);
          model.pass(minutes);
          return true;
        },
      ),
  );

const MOST_FIRST = 5;

/** Lives that begin with some requests, and of which at most so many commands are carried out: many are fit for nothing by then. */
export function lives(maxCommands: number): fc.Arbitrary<Iterable<LifeCommand>> {
  const asking = [ask, vote, vote, vote, vote, vote, vote, takeBack, takeBack, withdraw];
  const having = [release, revoke, revokeMany, activate, activate, use, use, use, report, extend, extend];
  const around = [pass, pass, lock, unlock, unlock, offboard];
  const directory = [change, change, give, removePerson, removeDatabase, lookAround];
  const rest = fc.commands([...asking, ...having, ...around, ...directory], {
    maxCommands: 2 * maxCommands,
    size: 'max',
  });
  return fc
    .tuple(fc.array(ask, { minLength: 1, maxLength: MOST_FIRST }), rest)
    .map(([first, then]) => [...first, ...then]);
}

/** Ends a run: everybody is back where they were, nothing is locked or owed, and what is left of it has lapsed. */
export async function goHome(model: Model, { world }: Share): Promise<void> {
  await world.pass(1_500);
  model.pass(1_500);
  await world.liftAll();
  for (const person of Object.keys(HOME))
    if (!model.directory.isHome(person)) await move(world.context, person, homeOf(person));
  for (const request of model.requests) {
    const owed = request.items.filter(({ dueAt }) => dueAt !== undefined);
    const lookers = owed.map(({ resource }) => (model.directory.owners.has(resource) ? 'dee' : ADMIN));
    for (const by of new Set(lookers)) {
      const cast = { by, requestId: request.id, verdict: 'APPROVE', named: [], narrowing: [] } as const;
      await voted(world.context, cast);
    }
  }
}
