import fc from 'fast-check';
import { Command, type LifeCommand, type Share } from './command.ts';
import { activate, extend, release, revoke, use } from './grant-commands.ts';
import type { Model } from './model.ts';
import { ask, takeBack, vote, withdraw } from './request-commands.ts';

const HOME: Readonly<Record<string, readonly ('staff' | 'security')[]>> = {
  ada: ['staff'],
  eve: ['staff'],
  dee: ['security'],
  sam: ['security', 'staff'],
};

const change = fc
  .record({
    person: fc.constantFrom('ada', 'eve', 'dee', 'sam', 'dee', 'sam'),
    isIn: fc.constantFrom(true, true, true, false),
  })
  .map(({ person, isIn }) => {
    const group = HOME[person]?.[0] ?? 'staff';
    const isFit = (model: Model): boolean => model.members[group].has(person) !== isIn;
    return new Command(`${isIn ? 'join' : 'leave'} ${person}`, isFit, async (model, share) => {
      await share.world.move(person, isIn ? (HOME[person] ?? []) : []);
      if (isIn) model.members[group].add(person);
      else model.leave(person, group);
      return true;
    });
  });

const pass = fc.constantFrom(10, 10, 10, 20, 60, 540, 1_500).map(
  (minutes) =>
    new Command(
      `pass ${minutes}m`,
      () => true,
      async (model, share) => {
        await share.world.pass(minutes);
        model.pass(minutes);
        return true;
      },
    ),
);

/** Lives of at most so many commands. */
export function lives(maxCommands: number): fc.Arbitrary<Iterable<LifeCommand>> {
  return fc.commands(
    [
      ask,
      ask,
      vote,
      vote,
      vote,
      takeBack,
      withdraw,
      release,
      revoke,
      activate,
      use,
      use,
      extend,
      change,
      pass,
    ],
    {
      maxCommands,
      size: 'max',
    },
  );
}

/** Ends a run: everybody is back where they were, and what is left of it has lapsed. */
export async function goHome(model: Model, { world }: Share): Promise<void> {
  for (const [person, groups] of Object.entries(HOME)) {
    const group = groups[0] ?? 'staff';
    if (!model.members[group].has(person)) await world.move(person, groups);
  }
  await world.pass(1_500);
}
