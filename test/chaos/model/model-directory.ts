import { type Group, HOME, OWNERS } from './terms.ts';

/** Who is where, and whose is what. */
export class ModelDirectory {
  readonly people = new Set(Object.keys(HOME));
  readonly members: Readonly<Record<Group, Set<string>>> = {
    staff: new Set(),
    security: new Set(),
    leads: new Set(),
  };
  /** By database, as long as it is there. */
  readonly owners = new Map<string, readonly string[]>();

  constructor(databases: Iterable<string>) {
    for (const person of this.people) this.join(person);
    for (const database of databases) this.owners.set(database, OWNERS);
  }

  /** Whether the person is where they belong. */
  isHome(who: string): boolean {
    return this.people.has(who) && homeOf(who).every((group) => this.members[group].has(who));
  }

  join(who: string): void {
    this.people.add(who);
    for (const group of homeOf(who)) this.members[group].add(who);
  }

  leave(who: string): void {
    for (const group of homeOf(who)) this.members[group].delete(who);
  }
}

export function homeOf(who: string): readonly Group[] {
  return HOME[who] ?? [];
}
