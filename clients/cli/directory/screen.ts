import type { EntityName } from '../../sdk/index.ts';
import { facts } from '../columns.ts';
import { formatEntity } from '../entity-name.ts';
import type { Terminal } from '../terminal.ts';
import type { Difference } from './compare.ts';
import type { Sent } from './send.ts';

/** Entities of each kind that a screen lists. */
const SHOWN = 50;

/** What is or would be different, for people. */
export function differenceLines(
  difference: Difference,
  { paint }: Pick<Terminal, 'paint'>,
): readonly string[] {
  const { created, changed, deleted, same } = difference;
  return [
    ...listed(
      created.map(({ uid }) => uid),
      (name) => `${paint.good('+')} ${name}`,
    ),
    ...listed(
      changed.map(({ uid }) => uid),
      (name) => `${paint.waiting('~')} ${name}`,
    ),
    ...listed(deleted, (name) => `${paint.bad('-')} ${name}`),
    ...facts([
      ['created', String(created.length)],
      ['changed', String(changed.length)],
      ['deleted', String(deleted.length)],
      ['same', String(same)],
    ]),
  ];
}

/** What ended with a change, for people. */
export function endedLines(sent: Sent): readonly string[] {
  const { endedGrantIds, withdrawnRequestIds, unvotedRequestIds, revision } = sent;
  return facts([
    ['revision', revision === 0n ? undefined : String(revision)],
    ['ended', ids(endedGrantIds, 'grants')],
    ['withdrawn', ids(withdrawnRequestIds, 'requests')],
    ['votes taken back', ids(unvotedRequestIds, 'requests')],
  ]);
}

/** The same for programs. */
export function differenceJson({ created, changed, deleted, same }: Difference): object {
  return { created: created.map(({ uid }) => uid), changed: changed.map(({ uid }) => uid), deleted, same };
}

/** The same for programs. */
export function endedJson({ revision, ...ended }: Sent): object {
  return { revision: String(revision), ...ended };
}

function listed(uids: readonly EntityName[], line: (name: string) => string): readonly string[] {
  const more = uids.length - SHOWN;
  const lines = uids.slice(0, SHOWN).map((uid) => line(formatEntity(uid)));
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

function ids(all: readonly string[], of: string): string | undefined {
  if (all.length === 0) return undefined;
  const more = all.length > SHOWN ? ' …' : '';
  return `${all.length} ${of}: ${all.slice(0, SHOWN).join(' ')}${more}`;
}
