import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { expect } from 'vitest';
import { CurfewError } from '../../../clients/sdk/index.ts';
import type { AccessRequest } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { Stack } from '../../support/stack.ts';

export const database = (id: string) => ({ type: 'Database', id });
export const action = (id: string) => ({ type: 'Action', id });

export interface Wish {
  readonly resource?: { readonly type: string; readonly id: string };
  readonly actions?: readonly string[];
  readonly seconds?: number;
  readonly reason?: string;
  readonly ticket?: string;
  readonly subject?: { readonly type: string; readonly id: string };
  readonly startsAt?: Date;
  readonly breakGlass?: boolean;
}

/** To ask for the very same again is to get what is there: each call has a reason of its own unless one is said. */
let asked = 0;

/** Asks as a person; reading the production database `orders` for a minute unless said. */
export async function submit(stack: Stack, who: string, wish: Wish = {}) {
  const client = await stack.as(who);
  return await client.services.grants.requestAccess({
    items: [
      { resource: wish.resource ?? database('orders'), actions: (wish.actions ?? ['read']).map(action) },
    ],
    duration: { seconds: BigInt(wish.seconds ?? 60) },
    reason: wish.reason ?? reasonOfItsOwn(),
    ticket: wish.ticket ?? '',
    ...(wish.subject === undefined ? {} : { subject: wish.subject }),
    ...(wish.startsAt === undefined ? {} : { startsAt: timestampFromDate(wish.startsAt) }),
    breakGlass: wish.breakGlass ?? false,
  });
}

function reasonOfItsOwn(): string {
  asked += 1;
  return `to see ${asked}`;
}

/** Submits and hands back the request, which must be there. */
export async function submitted(stack: Stack, who: string, wish: Wish = {}): Promise<AccessRequest> {
  const { request } = await submit(stack, who, wish);
  if (request === undefined) throw new Error('no request in the answer');
  return request;
}

export async function vote(
  stack: Stack,
  who: string,
  request: AccessRequest,
  verdict: 'approve' | 'deny' = 'approve',
) {
  const client = await stack.as(who);
  return await client.services.grants.reviewAccessRequest({
    id: request.id,
    requestHash: request.requestHash,
    verdict: verdict === 'approve' ? Verdict.APPROVE : Verdict.DENY,
  });
}

/** The id of the grant that an item became. */
export function grantIdOf(request: AccessRequest | undefined, item = 0): string {
  const id = request?.items[item]?.grantId ?? '';
  expect(id).not.toBe('');
  return id;
}

/** The reason with which a call fails. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  return (await errorOf(call)).reason ?? '';
}

export async function errorOf(call: Promise<unknown>): Promise<CurfewError> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof CurfewError) return outcome;
  throw new Error('the call succeeded, wanted an error', { cause: outcome });
}

/** How many rows every table that transitions write to has: nothing written = nothing changed. */
export async function countRows(stack: Stack): Promise<unknown> {
  return await stack.query(`
    SELECT (SELECT count(*)::int FROM ledger) AS ledger, (SELECT count(*)::int FROM access_requests) AS requests,
      (SELECT count(*)::int FROM request_items) AS items, (SELECT count(*)::int FROM reviews) AS reviews,
      (SELECT count(*)::int FROM grants) AS grants, (SELECT count(*)::int FROM idempotency_keys) AS keys,
      (SELECT string_agg(state::text, ',' ORDER BY id) FROM access_requests) AS states`);
}
