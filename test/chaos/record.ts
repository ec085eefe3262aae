import { CurfewError, type ErrorCode } from '../../clients/sdk/index.ts';
import { type Change, type History, nowMs, type Outcome } from './history.ts';

/** Codes that say what did not happen; every other leaves it open. */
const definite: ReadonlySet<ErrorCode> = new Set([
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAUTHENTICATED',
]);

type What = Pick<Change, 'what' | 'by' | 'id' | 'key'>;

/** Makes the call and writes it down with its outcome. Undefined when it was not acknowledged. */
export async function recorded<T>(
  history: History,
  what: What,
  call: () => Promise<{ readonly revision: bigint; readonly id?: string; readonly value: T }>,
): Promise<T | undefined> {
  const invokedMs = nowMs();
  const note = (outcome: Outcome, id = what.id): void =>
    void history.changes.push({ ...what, id, invokedMs, completedMs: nowMs(), outcome });
  try {
    const { revision, id, value } = await call();
    // What changed nothing made no revision.
    note(revision === 0n ? { kind: 'refused', reason: 'nothing to change' } : { kind: 'ok', revision }, id);
    return value;
  } catch (error) {
    note(outcomeOf(CurfewError.from(error)));
    return undefined;
  }
}

function outcomeOf({ code, reason = code }: CurfewError): Outcome {
  return definite.has(code) ? { kind: 'refused', reason } : { kind: 'unknown', reason };
}
