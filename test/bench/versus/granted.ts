import { random } from '../../chaos/random.ts';
import type { Order } from '../generator/questions.ts';
import type { BulkGrant } from './bulk-grants.ts';
import type { Company, Database, Person } from './company.ts';

/** Every person holds a grant on every environment, so that each question about any person and any database is one that a grant permits. */
export function grantsOfAll({ people, environments }: Company): readonly BulkGrant[] {
  return people.flatMap(({ id }) => environments.map((environment) => grantOn(id, environment)));
}

export function grantOn(subject: string, environment: string): BulkGrant {
  return { subject, resource: `Environment::"${environment}"` };
}

/** May this person read this database? */
export interface Pair {
  readonly person: Person;
  readonly database: Database;
}

/** How many questions about the company differ. */
export function countPairs({ people, databases }: Company): number {
  return people.length * databases.length;
}

/** The question at an index below `countPairs`. */
export function pairAt({ people, databases }: Company, index: number): Pair {
  const person = people[index % people.length];
  const database = databases[Math.floor(index / people.length)];
  if (person === undefined || database === undefined) throw new RangeError(`no question ${index}`);
  return { person, database };
}

const SEED = 1;

/** Drawn at random from the first so many of `eachOnce`: every one comes again. */
export function drawn(company: Company, from: number): Order {
  const order = random(SEED);
  const step = stepOver(countPairs(company));
  return () => (order.between(1, from + 1) * step) % countPairs(company);
}

/** No question twice, in no order that could help. @throws RangeError when there are no more */
export function eachOnce(company: Company): Order {
  const next = inTurn(company);
  let left = countPairs(company);
  return () => {
    if (left === 0) throw new RangeError(`all ${countPairs(company)} questions have been asked`);
    left -= 1;
    return next();
  };
}

/** All questions in that order, again and again. */
export function inTurn(company: Company): Order {
  const count = countPairs(company);
  const step = stepOver(count);
  let asked = 0;
  return () => {
    asked += 1;
    return (asked * step) % count;
  };
}

/** A step without a divisor in common with `count`: it visits every number once. */
function stepOver(count: number): number {
  let step = Math.floor(count * 0.618);
  while (commonDivisor(step, count) > 1) step += 1;
  return step;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
