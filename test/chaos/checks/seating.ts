import type { Directory } from '../../../core/access/directory.ts';
import { type EntityUid, uidKey } from '../../../core/access/entity.ts';
import type { EventOfKind } from '../../../core/access/event.ts';

type Submitted = Pick<EventOfKind<'REQUEST_SUBMITTED'>, 'items'>;

/** The seats of the domain's workflows, said once more and without Cedar, to judge by. */
const SEATS: Readonly<Record<string, readonly ('owner' | 'security')[]>> = {
  auto: [],
  one: ['owner'],
  two: ['owner', 'security'],
  pair: ['security', 'security'],
};

/** Whether distinct people among these, by `uidKey`, fill every seat by the directory of now. */
export function areSeated(directory: Directory, { items }: Submitted, people: ReadonlySet<string>): boolean {
  const [item] = items;
  const seats = SEATS[item?.workflow ?? ''];
  return item !== undefined && seats !== undefined && fill(directory, item.resource, seats, [...people]);
}

/** Whether the person may fill one of the seats by the directory of now. */
export function mayFillAny(directory: Directory, { items }: Submitted, person: string): boolean {
  const [item] = items;
  return (SEATS[item?.workflow ?? ''] ?? []).some(
    (seat) => item !== undefined && mayFill(directory, item.resource, seat, person),
  );
}

/** Tries everybody on the first seat, and the rest on the others: the domain has two seats at most. */
function fill(
  directory: Directory,
  resource: EntityUid,
  seats: readonly string[],
  people: readonly string[],
): boolean {
  const [seat, ...others] = seats;
  if (seat === undefined) return true;
  return people.some(
    (person) =>
      mayFill(directory, resource, seat, person) &&
      fill(
        directory,
        resource,
        others,
        people.filter((other) => other !== person),
      ),
  );
}

function mayFill(directory: Directory, resource: EntityUid, seat: string, person: string): boolean {
  if (seat === 'security') return parentsOf(directory, person).includes('security');
  const owners = directory.get(resource)?.attributes.get('owners');
  return (
    owners?.kind === 'set' &&
    owners.values.some((owner) => owner.kind === 'entity' && uidKey(owner.uid) === person)
  );
}

function parentsOf(directory: Directory, person: string): readonly string[] {
  const id = /^User::"(.*)"$/.exec(person)?.[1] ?? '';
  return (directory.get({ type: 'User', id })?.parents ?? []).map((parent) => parent.id);
}
