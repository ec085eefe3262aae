import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { Followed } from '../../core/replica/follow.ts';
import type { Database } from '../../core/store/connect.ts';
import { readBasis } from '../../core/store/entities.ts';
import { type Basis, BasisChanged } from '../../core/store/append.ts';
import { Overtaken } from '../../core/store/request-changes.ts';
import { type Outcome, transition, type Trx } from '../../core/store/transition.ts';
import type { FirstRevisions } from './first-revisions.ts';
import type { GrantCounts } from './grant-counts.ts';
import { requireFree } from './locked.ts';

/** What every use case of the grant service works with. */
export interface GrantContext {
  readonly database: Database;
  /** Connections of their own for revoking, so that it works when all else is overloaded. */
  readonly revokeDatabase: Database;
  readonly followed: Followed;
  readonly counts: GrantCounts;
  readonly firstRevisions: FirstRevisions;
}

/** The context of what somebody does; `actor` is undefined where Curfew does it itself. */
export interface ActingContext extends GrantContext {
  readonly actor: EntityUid | undefined;
}

/** For what the caller does. While they are locked, nothing of it is decided. */
export function by(context: GrantContext, caller: EntityUid): ActingContext {
  return { ...context, actor: caller };
}

/** For what Curfew does by itself, or whoever runs it. */
export function bySystem(context: GrantContext): ActingContext {
  return { ...context, actor: undefined };
}

/** What a transition hands back once it is committed; it may refuse then, after writing down what it found lapsed. */
export type Finish<T> = () => T;

/** Refuses once what was found on the way is written down. */
export function refuse(error: AccessError): Finish<never> {
  return () => {
    throw error;
  };
}

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
 * Runs a transition on the directory, policies and locks of now. When they change before it is written, it is decided again.
 * @throws AccessError LOCKED when the actor is locked; what the work refuses; CONFLICT when directory or policies never stand still
 */
export async function decide<T>(
  context: ActingContext,
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
  context: ActingContext,
  planned: Planned<P, T>,
  database: Database = context.database,
): Promise<Decided<T>> {
  let done = await tryOnReplica(context, planned, database);
  for (let attempt = 0; done === undefined && attempt < ATTEMPTS; attempt += 1)
    done = await tryOn(context, await catchUp(context, database), planned, database);
  if (done === undefined)
    throw new AccessError('CONFLICT', 'the directory or the policies keep changing; call again');
  const { result, revision } = done;
  if (revision > 0n) await context.followed.follower.waitFor(revision, CATCH_UP_MS);
  return { result: result(), revision };
}

/** What a transition came to; undefined when it has to be decided again. */
type Tried<T> = Promise<Decided<Finish<T>> | undefined>;

/**
 * Decides on what the replica has, without asking first whether that is all there is: the append finds out. What is not appended, a
 * refusal above all, stands on directory and policies too, and is asked about afterwards.
 */
async function tryOnReplica<P, T>(
  context: ActingContext,
  planned: Planned<P, T>,
  database: Database,
): Tried<T> {
  const { follower, replica } = context.followed;
  if (follower.revision === undefined || follower.epoch === undefined) return undefined;
  const basis = { revision: replica.basisRevision, epoch: follower.epoch };
  try {
    const done = await tryOn(context, basis, planned, database);
    if (done === undefined || done.revision > 0n) return done;
    return (await isNewest(basis, database)) ? done : undefined;
  } catch (error) {
    if (!(error instanceof AccessError) || SAID_BY_DATABASE.has(error.reason)) throw error;
    if (await isNewest(basis, database)) throw error;
    return undefined;
  }
}

/** Whatever directory and policies were. */
const SAID_BY_DATABASE: ReadonlySet<string> = new Set(['DATABASE_UNAVAILABLE', 'CONFLICT']);

async function isNewest(basis: Basis, database: Database): Promise<boolean> {
  const { revision, epoch } = await readBasis(database);
  return revision <= basis.revision && epoch === basis.epoch;
}

async function tryOn<P, T>(
  context: ActingContext,
  basis: Basis,
  { plan, work }: Planned<P, T>,
  database: Database,
): Tried<T> {
  const { replica, clock } = context.followed;
  // A lock that comes later is a newer basis, which the append refuses.
  if (context.actor !== undefined) requireFree(replica, context.actor, clock.early() ?? new Date(0));
  try {
    const planned = await plan();
    const { result, revision, events } = await transition(database, basis, (trx) => work(trx, planned));
    context.counts.appended(events);
    context.firstRevisions.appended(events, revision, basis.epoch);
    return { result, revision };
  } catch (error) {
    if ([BasisChanged, DecideAgain, Overtaken].some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
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
