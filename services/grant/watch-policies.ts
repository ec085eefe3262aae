import type { Logger } from '../../core/runtime/log.ts';
import { activate, PoliciesRefused, type PolicyFolder, readFolder } from './activate-policies.ts';
import { catchUpWithin, type GrantContext } from './context.ts';

export interface PolicyWatch {
  close(): Promise<void>;
}

/** Reading a few files is cheap and works on every mount; notices of file changes do not. */
const LOOK_MS = 1_000;
/** How long a starting process may take to load the set in force. */
const FIRST_LOAD_MS = 60_000;
/** Deleted entities that a warning names. */
const NAMED = 20;

/**
 * Puts the folder in force, and again whenever a file in it changes and two looks in a row saw the same, so that a folder that is
 * just being written is not taken half. A bad change is reported once and leaves what is in force.
 * @throws PoliciesRefused when the folder is bad and nothing is in force yet
 */
export async function watchPolicies(watched: Watched): Promise<PolicyWatch> {
  const { context, lookMs = LOOK_MS } = watched;
  await catchUpWithin(FIRST_LOAD_MS, context);
  const { replica } = context.followed;
  let memory = await lookOnce(watched, { isFirst: true });
  if (memory.failure !== undefined && replica.policies.kind === 'none') throw refusalOf(memory.failure);
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = lookOnce(watched, { ...memory, isFirst: false }).then((next) => {
      memory = next;
      timer = setTimeout(look, lookMs);
    });
  };
  timer = setTimeout(look, lookMs);
  return {
    close: async () => {
      clearTimeout(timer);
      await looking;
      clearTimeout(timer);
    },
  };
}

export interface Watched {
  readonly context: GrantContext;
  readonly folder: string;
  readonly log: Logger;
  /** How long it waits between looks; 1,000 unless said. */
  readonly lookMs?: number;
}

async function lookOnce(
  watched: Watched,
  { isFirst, ...before }: Memory & { readonly isFirst: boolean },
): Promise<Memory> {
  const { context, folder, log } = watched;
  const found = await lookAt(folder);
  const now = { ...before, seen: found.content };
  // A refused folder may have become good because the directory changed.
  const isSettled =
    before.refusedAt === undefined || before.refusedAt === context.followed.replica.basisRevision;
  if (found.content === before.done && isSettled) return now;
  if (!isFirst && found.content !== before.seen) return now;
  try {
    if (found.folder === undefined) throw found.failure;
    const { deleted } = await activate(context, found.folder);
    log.info({ digest: found.folder.digest, folder }, 'policies and directory are in force');
    return { seen: found.content, done: found.content, deleted: warn(watched, deleted, before.deleted) };
  } catch (error) {
    return failed(watched, now, error);
  }
}

/** What is wrong with the files is settled until something changes; what failed for another reason (the database is away) is tried again. */
function failed({ context, folder, log }: Watched, now: Memory, error: unknown): Memory {
  if (now.failure === undefined || messageOf(now.failure) !== messageOf(error))
    log.error({ err: error, folder }, 'the policy folder is not in force: what was in force stays');
  const { done: _, refusedAt: __, ...rest } = now;
  if (!(error instanceof PoliciesRefused)) return { ...rest, failure: error };
  context.counts.refusedFolder();
  return {
    ...rest,
    failure: error,
    done: now.seen,
    refusedAt: context.followed.replica.basisRevision,
  };
}

function warn({ folder, log }: Watched, deleted: readonly string[], warnedOf: string | undefined): string {
  const all = deleted.join(' ');
  if (deleted.length > 0 && all !== warnedOf)
    log.warn(
      { entities: deleted.slice(0, NAMED), count: deleted.length, folder },
      'directory.json lists entities that were deleted: they stay deleted; take them out of the file, or apply them with allow_reuse',
    );
  return all;
}

/** What earlier looks found and did. */
interface Memory {
  /** The content at the last look. */
  readonly seen?: string | undefined;
  /** The content that is in force, or was refused. */
  readonly done?: string | undefined;
  /** The directory's revision at which it was refused. */
  readonly refusedAt?: bigint;
  /** Why the last attempt failed. */
  readonly failure?: unknown;
  /** The deleted entities that were warned of. */
  readonly deleted?: string;
}

interface Found {
  /** Equal when nothing changed. */
  readonly content: string;
  readonly folder?: PolicyFolder;
  readonly failure?: unknown;
}

async function lookAt(folder: string): Promise<Found> {
  try {
    const found = await readFolder(folder);
    return { content: `${found.digest}\n${found.directory.text}`, folder: found };
  } catch (failure) {
    return { content: `not read: ${messageOf(failure)}`, failure };
  }
}

function refusalOf(failure: unknown): PoliciesRefused {
  if (failure instanceof PoliciesRefused) return failure;
  return new PoliciesRefused(messageOf(failure), { cause: failure });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
