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

/**
 * Puts the folder in force, and again whenever a file in it changes. A bad change is reported once and leaves what is in force.
 * @throws PoliciesRefused when the folder is bad and nothing is in force yet
 */
export async function watchPolicies(
  context: GrantContext,
  folder: string,
  log: Logger,
): Promise<PolicyWatch> {
  await catchUpWithin(FIRST_LOAD_MS, context);
  let last = await attempt(undefined);
  if (last.refused !== undefined && context.followed.replica.policies.kind === 'none') throw last.refused;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = attempt(last.content).then((result) => {
      last = result;
      timer = setTimeout(look, LOOK_MS);
    });
  };
  timer = setTimeout(look, LOOK_MS);
  return {
    close: async () => {
      clearTimeout(timer);
      await looking;
      clearTimeout(timer);
    },
  };

  /** @param seen the content that was dealt with last */
  async function attempt(seen: string | undefined): Promise<Attempt> {
    let content = seen;
    try {
      const found = await readFolder(folder);
      content = contentOf(found);
      if (content === seen) return { content };
      await activate(context, found);
      log.info({ digest: found.digest, folder }, 'policies and directory are in force');
      return { content };
    } catch (error) {
      return refused(error, content, seen);
    }
  }

  function refused(error: unknown, content: string | undefined, seen: string | undefined): Attempt {
    const isOurs = error instanceof PoliciesRefused;
    // What was read is reported once. What could not be done for another reason (the database is away) is tried again.
    const next = isOurs ? (content ?? error.message) : undefined;
    if (next !== seen || !isOurs)
      log.error({ err: error, folder }, 'the policy folder is not in force: what was in force stays');
    return {
      content: next,
      refused: isOurs ? error : new PoliciesRefused(messageOf(error), { cause: error }),
    };
  }
}

interface Attempt {
  readonly content: string | undefined;
  readonly refused?: PoliciesRefused;
}

function contentOf(folder: PolicyFolder): string {
  return `${folder.digest}\n${folder.directoryText}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
