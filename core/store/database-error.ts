import { AccessError } from '../access/access-error.ts';

/** SQLSTATEs after which the same call may succeed: serialization failure, deadlock, lock not available. */
const CONFLICTS = new Set(['40001', '40P01', '55P03']);
/** Classes of SQLSTATE that mean the database is not there: connection, resources, operator intervention. */
const UNAVAILABLE_CLASSES = new Set(['08', '53', '57', '58']);
/** Said by a server that was the writer a moment ago, and to a session that was idle in its transaction for too long. */
const UNAVAILABLE_CODES = new Set(['25006', '25P03']);
const NETWORK_CODES = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);
/** pg reports these without a code. */
const CLIENT_MESSAGES =
  /timeout exceeded when trying to connect|timeout expired|Connection terminated|Query read timeout|not queryable/;

/** Turns what the driver threw into an AccessError where it is one of the expected kinds; anything else comes back as it is. */
export function fromDatabaseError(error: unknown): unknown {
  if (error instanceof AccessError || !(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (CONFLICTS.has(code)) {
    return new AccessError('CONFLICT', 'somebody else changed this at the same moment; call again', {
      cause: error,
    });
  }
  const isAway =
    UNAVAILABLE_CLASSES.has(code.slice(0, 2)) ||
    UNAVAILABLE_CODES.has(code) ||
    NETWORK_CODES.has(code) ||
    CLIENT_MESSAGES.test(error.message);
  if (isAway) {
    return new AccessError('DATABASE_UNAVAILABLE', 'the database did not answer; try again', {
      cause: error,
    });
  }
  return error;
}

/** Runs database work and throws AccessError for the expected failures. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fromDatabaseError(error);
  }
}
