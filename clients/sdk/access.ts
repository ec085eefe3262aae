import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { AccessRequest, Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { RequestState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type {
  ExtendGrantResponse,
  GrantService,
  RequestAccessResponse,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { argumentError, CurfewError, type ErrorCode } from './curfew-error.ts';
import type { CallOptions } from './patience.ts';
import type { ServiceClient } from './service-client.ts';
import type { EntityName } from './value.ts';

/** What is asked for. */
export interface AccessWish {
  /** One to twenty, each resource once. */
  readonly items: readonly AccessWishItem[];
  /** Who will hold the grants; the caller unless said. */
  readonly subject?: EntityName;
  /** Whole milliseconds; the workflow's default unless said. */
  readonly durationMs?: number;
  /** When the grants are to begin, in the future; with their approval, or first use where the workflow says so, unless said. */
  readonly startsAt?: Date;
  /** Ask by break-glass: granted at once, short, and reviewed afterwards. */
  readonly breakGlass?: boolean;
  readonly reason?: string;
  readonly ticket?: string;
  /** Answer what would happen, write nothing. */
  readonly validateOnly?: boolean;
  /** Names this call, so that it can be sent again safely; made up unless said. */
  readonly idempotencyKey?: string;
}

/** One resource and the actions asked for on it. */
export interface AccessWishItem {
  readonly resource: EntityName;
  /** Ids of actions or action groups, or their full names. */
  readonly actions: readonly (string | EntityName)[];
  /** A workflow by its id; chosen by the service unless said. */
  readonly workflow?: string;
}

type Grants = ServiceClient<typeof GrantService>;

/** Asks for access; what needs nobody's approval is granted in the answer. @throws CurfewError */
export async function requestAccess(
  grants: Grants,
  wish: AccessWish,
  options?: CallOptions,
): Promise<RequestAccessResponse> {
  const { items, subject, durationMs, startsAt, reason = '', ticket = '', validateOnly = false } = wish;
  const request = {
    items: items.map(({ resource, actions, workflow = '' }) => ({
      resource: { type: resource.type, id: resource.id },
      actions: actions.map((it) => (typeof it === 'string' ? { id: it } : { type: it.type, id: it.id })),
      workflow,
    })),
    reason,
    ticket,
    validateOnly,
    breakGlass: wish.breakGlass ?? false,
    idempotencyKey: wish.idempotencyKey ?? (validateOnly ? '' : randomUUID()),
    ...(subject === undefined ? {} : { subject: { type: subject.type, id: subject.id } }),
    ...(durationMs === undefined ? {} : { duration: wholeDuration(durationMs) }),
    ...(startsAt === undefined ? {} : { startsAt: wholeInstant(startsAt) }),
  };
  return await grants.requestAccess(request, options);
}

/** How a grant is to go on. */
export interface ExtensionWish {
  /** Whole milliseconds longer; the workflow's default unless said. */
  readonly durationMs?: number;
  readonly reason?: string;
  readonly ticket?: string;
  /** Names this call, so that it can be sent again safely; made up unless said. */
  readonly idempotencyKey?: string;
}

/** Asks that an active grant end later; what needs nobody's approval is extended in the answer. @throws CurfewError */
export async function extendAccess(
  grants: Grants,
  id: string,
  { durationMs, reason = '', ticket = '', idempotencyKey = randomUUID() }: ExtensionWish = {},
  options?: CallOptions,
): Promise<ExtendGrantResponse> {
  const duration = durationMs === undefined ? {} : { duration: wholeDuration(durationMs) };
  return await grants.extendGrant({ id, reason, ticket, idempotencyKey, ...duration }, options);
}

/** Begins a claimable grant now; its time runs from here. @throws CurfewError */
export async function activateAccess(grants: Grants, id: string, options?: CallOptions): Promise<Grant> {
  const { grant } = await grants.activateGrant({ id }, options);
  if (grant === undefined) throw new CurfewError('INTERNAL', 'the answer has no grant');
  return grant;
}

/** How long to watch. */
export interface WatchOptions {
  /** Gives up; the watch fails with CANCELLED and the request goes on. */
  readonly signal?: AbortSignal;
}

/**
 * The request now and whenever it changes, until it is decided; connects again whenever the connection is lost.
 *
 * @throws CurfewError when the service refuses (not found, not permitted) or on `signal`
 */
export async function* watchAccess(
  grants: Grants,
  id: string,
  { signal }: WatchOptions = {},
): AsyncGenerator<AccessRequest> {
  const options = signal === undefined ? {} : { signal };
  for (let failures = 0; ; failures += 1) {
    const startedAt = performance.now();
    try {
      for await (const { request } of grants.watchAccessRequest({ id }, options)) {
        if (request === undefined) continue;
        yield request;
        if (isDecided(request)) return;
      }
    } catch (error) {
      const known = CurfewError.from(error);
      if (signal?.aborted === true || !passing.has(known.code)) throw known;
    }
    if (performance.now() - startedAt > longestPauseMs) failures = 0;
    await pause(failures, signal);
  }
}

/** The request once it is decided, withdrawn or expired: look at its `state`. @throws CurfewError as `watchAccess` */
export async function waitForAccess(
  grants: Grants,
  id: string,
  options: WatchOptions = {},
): Promise<AccessRequest> {
  for await (const request of watchAccess(grants, id, options)) if (isDecided(request)) return request;
  throw new CurfewError('INTERNAL', 'the watch ended before the request was decided'); // it ends only so
}

/** Whether nothing can change the request any more. A state that this version does not know is none of these. */
export function isDecided({ state }: Pick<AccessRequest, 'state'>): boolean {
  return decided.has(state);
}

const decided: ReadonlySet<RequestState> = new Set([
  RequestState.APPROVED,
  RequestState.PARTIALLY_APPROVED,
  RequestState.DENIED,
  RequestState.WITHDRAWN,
  RequestState.EXPIRED,
]);

/** What a restart, a failover or a proxy's limit looks like; every other code is an answer. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'INTERNAL',
  'UNKNOWN',
  'CANCELLED',
  'ABORTED',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
]);

const firstPauseMs = 100;
const longestPauseMs = 5_000;

/** Longer with each failure in a row, and never the same for two clients, so that they do not come back all at once. */
async function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw CurfewError.from(error);
  }
}

function wholeInstant(startsAt: Date): ReturnType<typeof timestampFromDate> {
  if (Number.isNaN(startsAt.getTime()))
    throw argumentError('startsAt', 'seen an invalid Date, wanted an instant');
  return timestampFromDate(startsAt);
}

function wholeDuration(ms: number): ReturnType<typeof durationFromMs> {
  if (!Number.isSafeInteger(ms) || ms <= 0)
    throw argumentError('durationMs', `seen ${ms}, wanted whole milliseconds, more than 0`);
  return durationFromMs(ms);
}
