import { type Logger, pino } from 'pino';
import { describeError } from './describe-error.ts';
import type { LogLevel } from './log-level.ts';

export type { Logger } from 'pino';

/** Where secrets could ride along in logged objects; pino replaces what it finds there. */
const secretPaths = ['token', 'authorization', 'password', 'connectionString', 'databaseUrl'].flatMap(
  (key) => [key, `*.${key}`],
);

/** A logger of JSON lines on stderr, so that stdout stays for what a person asked for. */
export function createLogger(name: string, level: LogLevel): Logger {
  return pino(
    {
      name,
      level,
      redact: { paths: secretPaths, censor: '[redacted]' },
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
