import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type AccessRequest, RequestAction } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { ItemNarrowingSchema } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { usageError } from './cli-error.ts';
import { parseDuration } from './duration.ts';
import { parseAction } from './entity-name.ts';
import { parseInstant } from './parse-instant.ts';

/** The options that say to what an approval narrows. */
export interface NarrowingOptions {
  readonly narrow: boolean;
  readonly actions?: string;
  readonly duration?: string;
  readonly notBefore?: string;
}

/** What an approval narrows an item to. */
export type Terms = Omit<MessageInitShape<typeof ItemNarrowingSchema>, '$typeName' | 'item'>;

/** Reads the options; undefined when nothing is narrowed. @throws CliError usage */
export function readNarrowing(options: NarrowingOptions, now: Date): Terms | undefined {
  const { narrow, actions, duration, notBefore } = options;
  const isAny = actions !== undefined || duration !== undefined || notBefore !== undefined;
  if (narrow !== isAny)
    throw usageError(
      '--narrow',
      'wanted together with one or more of --actions, --duration and --not-before',
    );
  if (!narrow) return undefined;
  const words = actions?.split(',').map((word) => parseAction(word.trim(), '--actions')) ?? [];
  return {
    actions: words.map((word) =>
      typeof word === 'string' ? { id: word } : { type: word.type, id: word.id },
    ),
    ...(duration === undefined ? {} : { duration: durationFromMs(parseDuration(duration, '--duration')) }),
    ...(notBefore === undefined
      ? {}
      : { startsAt: timestampFromDate(parseInstant(notBefore, '--not-before', now)) }),
  };
}

/**
 * The same terms for each item that is voted on: those named, or every one that the caller may review. Where that is none, all: the
 * service says why not.
 */
export function narrowItems(
  { items: all }: AccessRequest,
  named: readonly number[],
  terms: Terms | undefined,
): MessageInitShape<typeof ItemNarrowingSchema>[] {
  if (terms === undefined) return [];
  const mine = all.flatMap(({ allowedActions }, item) =>
    allowedActions.includes(RequestAction.REVIEW) ? [item] : [],
  );
  const chosen = [named, mine, [...all.keys()]].find((items) => items.length > 0) ?? [];
  return chosen.map((item) => ({ item, ...terms }));
}
