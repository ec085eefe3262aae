/** SQLSTATE class 22, data exception: PostgreSQL's text quotes the value that is wrong. */
const QUOTING_CLASS = '22';
const MAX_CAUSES = 5;

/** Facts about an error that are names of ours, of PostgreSQL's or of Node's, never values. */
const FACTS = [
  'code',
  'reason',
  'errno',
  'syscall',
  'severity',
  'schema',
  'table',
  'column',
  'constraint',
  'routine',
];

/** An error as the log may have it. */
export interface DescribedError {
  readonly type: string;
  readonly message: string;
  /** Where it was thrown, without the message. */
  readonly stack?: string;
  readonly cause?: DescribedError;
  readonly [fact: string]: unknown;
}

/**
 * An error by an allow-list: libraries hang whole rows, statements and parameters on their errors, and a log line is no place for
 * what people wrote.
 */
export function describeError(error: unknown, causes = MAX_CAUSES): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'thrown without an error' };
  const facts = Object.entries(error).filter(
    ([name, value]) => FACTS.includes(name) && (typeof value === 'string' || typeof value === 'number'),
  );
  // Lines of the message could look like frames.
  const frames = error.stack
    ?.replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line));
  return {
    ...Object.fromEntries(facts),
    type: error.name,
    message: messageOf(error),
    ...(frames === undefined ? {} : { stack: frames.join('\n') }),
    ...(error.cause === undefined || causes === 0 ? {} : { cause: describeError(error.cause, causes - 1) }),
  };
}

function messageOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const isDataException = code.length === 5 && code.startsWith(QUOTING_CLASS);
  // Of JSON, for one: the parser quotes the text.
  if (isDataException || error instanceof SyntaxError) return '(not shown: it quotes a value)';
  return error.message;
}
