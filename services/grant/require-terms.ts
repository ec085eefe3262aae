import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { checkFreeText, MAX_TICKET } from '../../core/access/free-text.ts';
import { checkText, type Workflow } from '../../core/access/workflow.ts';
import type { AskedTerms } from './choose-workflow.ts';

/** PostgreSQL's and JavaScript's dates end later; a longer grant is a mistake. */
const MAX_DURATION_MS = 366 * 86_400_000;

/** Refuses what no workflow takes. @throws AccessError FIELD_INVALID */
export function requireSound(asked: AskedTerms, now: Date): void {
  const reason = checkFreeText(asked.reason);
  if (reason !== undefined) throw fieldError('reason', reason);
  const ticket = checkFreeText(asked.ticket, MAX_TICKET);
  if (ticket !== undefined) throw fieldError('ticket', ticket);
  const { durationMs, startsAt, breakGlass } = asked;
  if (durationMs !== undefined && (durationMs <= 0 || durationMs > MAX_DURATION_MS))
    throw fieldError('duration', `seen ${formatDuration(durationMs)}, wanted more than 0 and at most a year`);
  if (startsAt === undefined) return;
  if (breakGlass)
    throw fieldError('starts_at', 'seen with break_glass, which is given at once; leave one of them out');
  if (startsAt <= now)
    throw fieldError(
      'starts_at',
      `seen ${startsAt.toISOString()}, which is past; wanted a time after ${now.toISOString()}`,
    );
}

/** Told of a reason or ticket that a workflow does not take. */
export type WrongText = (error: AccessError) => void;

/** Refuses it. */
export const refuseText: WrongText = (error) => {
  throw error;
};

/** Refuses what the workflow does not take: nothing is silently changed. @throws AccessError DURATION_TOO_LONG, FIELD_INVALID */
export function requireTerms(
  workflow: Workflow,
  terms: AskedTerms & { readonly durationMs: number },
  { now, onWrongText }: { readonly now: Date; readonly onWrongText: WrongText },
): void {
  if (terms.durationMs > workflow.maxMs) {
    const max = formatDuration(workflow.maxMs);
    const description = `seen ${formatDuration(terms.durationMs)}, wanted at most ${max}, the limit of workflow ${workflow.id}`;
    throw new AccessError('DURATION_TOO_LONG', `duration: ${description}`, {
      violations: [{ field: 'duration', description }],
      metadata: { workflow: workflow.id, max_duration: max },
    });
  }
  const start = startRefusal(workflow, terms.startsAt, now);
  if (start !== undefined) throw fieldError('starts_at', start);
  for (const field of ['reason', 'ticket'] as const) {
    const wrong = checkText(workflow[field], terms[field]);
    if (wrong !== undefined) {
      const seen = seenText(field, terms[field]);
      onWrongText(fieldError(field, `seen ${seen}, but workflow ${workflow.id} wants that it ${wrong}`));
    }
  }
}

/** Why the workflow does not take a fixed start; undefined when it does, or when none is asked for. */
export function startRefusal(workflow: Workflow, startsAt: Date | undefined, now: Date): string | undefined {
  if (startsAt === undefined) return undefined;
  const seen = `seen ${startsAt.toISOString()}`;
  if (workflow.start === 'first-use')
    return `${seen}, but workflow ${workflow.id} starts with the first use; leave it out`;
  const latest = new Date(now.getTime() + workflow.aheadMs);
  if (startsAt <= latest) return undefined;
  return `${seen}, wanted at the latest ${latest.toISOString()}: workflow ${workflow.id} takes ${formatDuration(workflow.aheadMs)} ahead`;
}

/** A ticket is a name and may be said again; a reason may hold what is nobody else's business. */
function seenText(field: 'reason' | 'ticket', text: string): string {
  if (field === 'ticket') return JSON.stringify(text.slice(0, 80));
  return `a text of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`;
}
