import type { LedgerEvent } from '../../../core/access/event.ts';
import type { Change, History } from '../history.ts';
import type { LedgerFacts } from '../ledger-facts.ts';
import type { Violation } from './violation.ts';

/** A change that was acknowledged with the revision it made. */
interface Acknowledged extends Change {
  readonly revision: bigint;
}

/** What was acknowledged is in the ledger, once, and in an order that everybody could have seen. */
export function checkAcknowledgements(history: History, ledger: LedgerFacts): Violation[] {
  const acknowledged = history.changes.flatMap((change): Acknowledged[] =>
    change.outcome.kind === 'ok' ? [{ ...change, revision: change.outcome.revision }] : [],
  );
  return [
    ...checkKept(acknowledged, ledger),
    ...checkOrder(acknowledged),
    ...checkKeys(acknowledged, ledger),
  ];
}

function checkKept(acknowledged: readonly Acknowledged[], { events }: LedgerFacts): Violation[] {
  const byRevision = new Map(events.map(({ revision, event }) => [revision, event]));
  return acknowledged.flatMap((change): Violation[] => {
    const event = byRevision.get(change.revision);
    if (event !== undefined && isOf(event, change)) return [];
    return [{ invariant: 'I13', what: `acknowledged and not in the ledger: ${show(change)}` }];
  });
}

/** The last event of what the change did names its request, its grant or its entity. */
function isOf(event: LedgerEvent, { what, id }: Change): boolean {
  if (what === 'apply')
    return event.kind === 'ENTITIES_APPLIED' && event.entities.some((entity) => entity.uid.id === id);
  if (what === 'release' || what === 'revoke') return 'grantId' in event && event.grantId === id;
  return 'requestId' in event && event.requestId === id;
}

/** Of two changes, the one that was acknowledged before the other was asked for has the lower revision. */
function checkOrder(acknowledged: readonly Acknowledged[]): Violation[] {
  const byInvocation = acknowledged.toSorted((a, b) => a.invokedMs - b.invokedMs);
  const byCompletion = acknowledged.toSorted((a, b) => a.completedMs - b.completedMs);
  const found: Violation[] = [];
  let done = 0;
  let highest: Acknowledged | undefined;
  for (const change of byInvocation) {
    for (let next = byCompletion[done]; next !== undefined && next.completedMs < change.invokedMs; ) {
      if (highest === undefined || next.revision > highest.revision) highest = next;
      done += 1;
      next = byCompletion[done];
    }
    // The same submission sent again is answered with the revision that it had.
    if (highest === undefined || change.what === 'submit' || highest.revision < change.revision) continue;
    found.push({ invariant: 'I21', what: `${show(change)} came after ${show(highest)}` });
  }
  return found;
}

function checkKeys(acknowledged: readonly Acknowledged[], { events }: LedgerFacts): Violation[] {
  const ids = new Map<string, Set<string>>();
  for (const { key, id } of acknowledged)
    if (key !== undefined) ids.set(key, (ids.get(key) ?? new Set<string>()).add(id));
  const submissions = new Map<string, number>();
  for (const { event } of events) {
    if (event.kind !== 'REQUEST_SUBMITTED') continue;
    const { reason } = JSON.parse(event.text) as { readonly reason: string }; // the grant service wrote it
    submissions.set(reason, (submissions.get(reason) ?? 0) + 1);
  }
  const answered = [...ids].filter(([, found]) => found.size > 1).map(([key]) => key);
  const submitted = [...submissions].filter(([, count]) => count > 1).map(([key]) => key);
  return [...new Set([...answered, ...submitted])].map((key) => ({
    invariant: 'I9',
    what: `one idempotency key made more than one request: ${key}`,
  }));
}

function show({ what, by, id, revision }: Acknowledged): string {
  return `${what} of ${id} by ${by} at revision ${revision}`;
}
