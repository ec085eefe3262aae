import type { AccessWish } from '../sdk/index.ts';
import { usageError } from './cli-error.ts';
import { parseDuration } from './duration.ts';
import { parseAction, parseEntity } from './entity-name.ts';
import { parseInstant } from './parse-instant.ts';

/** The options that say what is asked for. */
export interface WishOptions {
  readonly duration?: string;
  readonly reason: string;
  readonly ticket: string;
  readonly subject?: string;
  readonly for?: string;
  readonly start?: string;
  readonly breakGlass: boolean;
  readonly workflow: string;
  readonly preview: boolean;
  readonly idempotencyKey?: string;
}

/** Reads `read Database::a + write Database::b` and the options. @throws CliError usage */
export function readWish(words: readonly string[], options: WishOptions, now: Date): AccessWish {
  const { duration, start, workflow, idempotencyKey } = options;
  const holder = readHolder(options);
  return {
    items: splitItems(words).map((item) => readItem(item, workflow)),
    reason: options.reason,
    ticket: options.ticket,
    validateOnly: options.preview,
    breakGlass: options.breakGlass,
    ...(start === undefined ? {} : { startsAt: parseInstant(start, '--start', now) }),
    ...(duration === undefined ? {} : { durationMs: parseDuration(duration, '--duration') }),
    ...(holder === undefined ? {} : { subject: holder }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

function readHolder({ subject, for: whom }: WishOptions): AccessWish['subject'] {
  if (subject !== undefined && whom !== undefined)
    throw usageError('--for and --subject', 'seen both, wanted one; they mean the same');
  if (whom !== undefined) return parseEntity(whom, '--for');
  return subject === undefined ? undefined : parseEntity(subject, '--subject');
}

function splitItems(words: readonly string[]): readonly (readonly string[])[] {
  const at = words.indexOf('+');
  return at < 0 ? [words] : [words.slice(0, at), ...splitItems(words.slice(at + 1))];
}

function readItem(words: readonly string[], workflow: string): AccessWish['items'][number] {
  const resource = words.at(-1);
  if (resource === undefined || words.length < 2)
    throw usageError(
      'request',
      `seen ${JSON.stringify(words.join(' '))}, wanted <action...> <resource>, such as read Database::orders`,
    );
  const actions = words.slice(0, -1).map((word) => parseAction(word, 'action'));
  return { resource: parseEntity(resource, 'resource'), actions, workflow };
}
