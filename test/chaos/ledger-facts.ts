import type { EntityUid } from '../../core/access/entity.ts';
import type { EventOfKind } from '../../core/access/event.ts';
import { pollLedger, type PlacedEvent } from '../../core/store/ledger.ts';
import type { Database } from '../../core/store/connect.ts';

/** A grant as the ledger tells it. */
export interface GrantFacts {
  readonly id: string;
  readonly requestId: string;
  readonly item: number;
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  readonly startedRevision: bigint;
  readonly startsAt: number;
  readonly expiresAt: number;
  /** Undefined while nothing but time has ended it. */
  readonly endedRevision: bigint | undefined;
}

/** The whole ledger, and what it comes to. */
export interface LedgerFacts {
  readonly events: readonly PlacedEvent[];
  readonly grants: ReadonlyMap<string, GrantFacts>;
}

const BATCH = 5_000;

export async function readLedger(database: Database): Promise<LedgerFacts> {
  const events: PlacedEvent[] = [];
  for (;;) {
    const cursor = events.at(-1)?.revision ?? 0n;
    const poll = await pollLedger(database, cursor, BATCH);
    events.push(...poll.events);
    if (poll.events.length < BATCH) return { events, grants: grantsOf(events) };
  }
}

function grantsOf(events: readonly PlacedEvent[]): ReadonlyMap<string, GrantFacts> {
  const grants = new Map<string, GrantFacts>();
  for (const { revision, event } of events) {
    if (event.kind === 'GRANT_STARTED') grants.set(event.grantId, started(event, revision));
    if (event.kind !== 'GRANT_ENDED') continue;
    const grant = grants.get(event.grantId);
    if (grant !== undefined)
      grants.set(event.grantId, { ...grant, endedRevision: grant.endedRevision ?? revision });
  }
  return grants;
}

function started(event: EventOfKind<'GRANT_STARTED'>, revision: bigint): GrantFacts {
  return {
    id: event.grantId,
    requestId: event.requestId,
    item: event.item,
    principal: event.subject.id,
    action: idOf(event.actions[0]),
    resource: event.resource.id,
    startedRevision: revision,
    startsAt: event.startsAt.getTime(),
    expiresAt: event.expiresAt.getTime(),
    endedRevision: undefined,
  };
}

/** The domain's requests name one action each. */
function idOf(uid: EntityUid | undefined): string {
  return uid?.id ?? '';
}
