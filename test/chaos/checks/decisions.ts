import type { Asked, Change, Fault, History } from '../history.ts';
import type { GrantFacts, LedgerFacts } from '../ledger-facts.ts';
import type { Violation } from './violation.ts';

/** S: how old a replica's knowledge may be for a grant to permit. */
const STALENESS_MS = 2_000;
/** How far the clocks of one machine's processes may be apart. */
const CLOCK_ERROR_MS = 50;

/**
 * Every answer against the ledger: an ALLOW names a grant that was live at the revision and instant that the answer gives; a DENY means
 * that none was; and neither comes later than staleness allows after an end or a silence.
 */
export function checkDecisions(history: History, { grants }: LedgerFacts): Violation[] {
  const ends = acknowledgedEnds(history.changes);
  const bySubject = Map.groupBy(grants.values(), (grant) => keyOf(grant));
  const silences = history.faults.filter((fault) => fault.isSilence);
  return history.asked.flatMap((asked) => {
    if (asked.answer.kind === 'error') return [];
    const covering = bySubject.get(keyOf(asked)) ?? [];
    const grant = grants.get(asked.answer.grantId);
    return asked.answer.effect === 'DENY'
      ? checkDeny(asked, covering)
      : [...checkAllow(asked, grant), ...checkTime(asked, grant, ends), ...checkSilence(asked, silences)];
  });
}

function keyOf({ principal, action, resource }: Pick<Asked, 'principal' | 'action' | 'resource'>): string {
  return `${principal} ${action} ${resource}`;
}

/** When the end of each grant was first acknowledged. */
function acknowledgedEnds(changes: readonly Change[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const { what, id, outcome, completedMs } of changes)
    if ((what === 'release' || what === 'revoke') && outcome.kind === 'ok')
      ends.set(id, Math.min(ends.get(id) ?? Number.POSITIVE_INFINITY, completedMs));
  return ends;
}

function checkAllow(asked: Asked, grant: GrantFacts | undefined): Violation[] {
  if (asked.answer.kind === 'error') return [];
  const { answer } = asked;
  const wrong = (invariant: string, what: string): Violation[] => [
    { invariant, what: `${what}: ${show(asked)}` },
  ];
  if (asked.isPoisoned) return wrong('D1', 'ALLOW though a guardrail erred');
  if (answer.revision < asked.atLeastRevision)
    return wrong('I3', 'ALLOW at an older revision than was asked for');
  if (grant === undefined) return wrong('I13', 'ALLOW by a grant that the ledger does not know');
  if (keyOf(grant) !== keyOf(asked)) return wrong('I17', 'ALLOW by a grant for something else');
  if (answer.revision < grant.startedRevision) return wrong('I14', 'ALLOW before the grant started');
  if (grant.endedRevision !== undefined && answer.revision >= grant.endedRevision)
    return wrong('I3', 'ALLOW at a revision at which the grant has ended');
  if (answer.decidedAt >= grant.expiresAt) return wrong('I1', 'ALLOW at or after the end');
  return [];
}

function checkDeny(asked: Asked, covering: readonly GrantFacts[]): Violation[] {
  if (asked.answer.kind === 'error' || asked.isPoisoned) return [];
  const { revision, decidedAt } = asked.answer;
  const live = covering.find(
    (grant) =>
      grant.startedRevision <= revision &&
      (grant.endedRevision === undefined || revision < grant.endedRevision) &&
      decidedAt < grant.expiresAt,
  );
  return live === undefined
    ? []
    : [{ invariant: 'I17', what: `DENY though ${live.id} was live: ${show(asked)}` }];
}

/** By the machine's own clocks, whatever the answer says of itself. */
function checkTime(
  asked: Asked,
  grant: GrantFacts | undefined,
  ends: ReadonlyMap<string, number>,
): Violation[] {
  if (grant === undefined) return [];
  const found: Violation[] = [];
  if (asked.sentAt > grant.expiresAt + CLOCK_ERROR_MS)
    found.push({ invariant: 'I1', what: `asked after its end, and ALLOW: ${show(asked)}` });
  const endedMs = ends.get(grant.id);
  if (endedMs !== undefined && asked.sentMs > endedMs + STALENESS_MS + CLOCK_ERROR_MS)
    found.push({
      invariant: 'I2',
      what: `ALLOW later than S after its end was acknowledged: ${show(asked)}`,
    });
  return found;
}

function checkSilence(asked: Asked, silences: readonly Fault[]): Violation[] {
  const silence = silences.find(
    ({ replica = asked.replica, fromMs, toMs }) =>
      replica === asked.replica && asked.sentMs >= fromMs + STALENESS_MS && asked.receivedMs <= toMs,
  );
  return silence === undefined
    ? []
    : [{ invariant: 'I16', what: `ALLOW later than S after ${silence.name} began: ${show(asked)}` }];
}

function show(asked: Asked): string {
  return JSON.stringify(asked, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
