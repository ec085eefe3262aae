import { AccessError } from '../../core/access/access-error.ts';
import type { Followed } from '../../core/replica/follow.ts';
import type { Database } from '../../core/store/connect.ts';
import { readBasis } from '../../core/store/entities.ts';
import { type Basis, BasisChanged } from '../../core/store/append.ts';
import { type Outcome, transition, type Trx } from '../../core/store/transition.ts';
import type { GrantCounts } from './grant-counts.ts';

/** What every use case of the grant service works with. */
export interface GrantContext {
  readonly database: Database;
  /** Connections of their own for revoking, so that it works when all else is overloaded. */
  readonly revokeDatabase: Database;
  readonly followed: Followed;
  readonly counts: GrantCounts;
}

/** What a transition hands back once it is committed; it may refuse then, after writing down what it found lapsed. */
export type Finish<T> = () => T;

export interface Decided<T> {
  readonly result: T;
  readonly revision: bigint;
}

/** Thrown by the work of a transition that met another's at the same moment: nothing is written, and it is decided again. */
export class DecideAgain extends Error {
  override readonly name = 'DecideAgain';
}

const ATTEMPTS = 5;
const CATCH_UP_MS = 2_000;

/**
 * Runs a transition on the directory and policies of now. When they change before it is written, it is decided again.
 * @throws AccessError what the work refuses; CONFLICT when directory or policies never stand still
 */
export async function decide<T>(
  context: GrantContext,
  work: (trx: Trx) => Promise<Outcome<Finish<T>>>,
  database: Database = context.database,
): Promise<Decided<T>> {
  return await decidePlanned(context, { plan: () => Promise.resolve(undefined), work }, database);
}

/** A transition with what takes too long for an open transaction. */
export interface Planned<P, T> {
  /** Works out from memory what is to be written. It may give way: when directory or policies change meanwhile, all is decided again. */
  readonly plan: () => Promise<P>;
  readonly work: (trx: Trx, plan: P) => Promise<Outcome<Finish<T>>>;
}

/** The same, planned before the transaction begins and on the same basis. @throws AccessError of `decide` */
export async function decidePlanned<P, T>(
  context: GrantContext,
  { plan, work }: Planned<P, T>,
  database: Database = context.database,
): Promise<Decided<T>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const basis = await catchUp(context, database);
    try {
      const planned = await plan();
      const { result, revision, events } = await transition(database, basis, (trx) => work(trx, planned));
      context.counts.appended(events);
      if (revision > 0n) await context.followed.follower.waitFor(revision, CATCH_UP_MS);
      return { result: result(), revision };
    } catch (error) {
      if (!(error instanceof BasisChanged || error instanceof DecideAgain)) throw error;
    }
  }
  throw new AccessError('CONFLICT', 'the directory or the policies keep changing; call again');
}

/**
 * Waits until the replica has every change of directory and policies that is committed by now.
 * @returns the basis that a decision made from here on stands on
 * @throws AccessError NOT_READY
 */
export async function catchUp(context: GrantContext, database: Database = context.database): Promise<Basis> {
  return await catchUpWithin(CATCH_UP_MS, context, database);
}

/** The same with another limit: a process that starts has policies to load first. */
export async function catchUpWithin(
  timeoutMs: number,
  context: GrantContext,
  database: Database = context.database,
): Promise<Basis> {
  const { revision, epoch } = await readBasis(database);
  const { follower, replica } = context.followed;
  if (!(await follower.waitFor(revision, timeoutMs))) {
    throw new AccessError('NOT_READY', 'the service is catching up with the ledger; try again');
  }
  if (follower.epoch !== epoch) {
    follower.ring();
    throw new AccessError('NOT_READY', 'the database was restored, the service reads it anew; try again');
  }
  return { revision: replica.basisRevision, epoch };
}

/** The database's clock as the replica's polls tell it, for reading; transitions ask the database itself. No wall clock changes it. */
export function clockOfReads(context: GrantContext): Date {
  return context.followed.clock.now();
}
