import { SYSTEM_ACTOR } from '../../core/access/event.ts';
import { uidKey } from '../../core/access/entity.ts';
import { EntityJsonError, parseEntities } from '../../core/access/entity-json.ts';
import {
  digestOf,
  type PolicyFiles,
  PolicyFolderError,
  readDirectoryFile,
  readPolicyFolder,
} from '../../core/policy/files.ts';
import { createEngine } from '../../core/policy/engine.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { writeEntities } from '../../core/store/entities.ts';
import { readAppliedDigests } from '../../core/store/file-entities.ts';
import { writePolicySet } from '../../core/store/policy-sets.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { directoryWith, findAdministrator, NOBODY_ADMINISTERS } from './administrators.ts';
import { bySystem, decide, type GrantContext } from './context.ts';
import {
  DIRECTORY_FILE,
  type DirectoryFile,
  type DirectoryPlan,
  directoryProblems,
  planDirectory,
} from './directory-file.ts';
import { appliedEvent, say } from './said-entity.ts';
import { withoutSeen } from './without-seen.ts';

/** The policy folder is not fit to be put in force; the message says where and why, a line each. */
export class PoliciesRefused extends Error {
  override readonly name = 'PoliciesRefused';
}

/** What is in the folder now. */
export interface PolicyFolder {
  readonly files: PolicyFiles;
  readonly digest: string;
  readonly directory: DirectoryFile;
}

/** What came of putting a folder in force. */
export interface Activated {
  /** Uid keys that directory.json lists though they were deleted. */
  readonly deleted: readonly string[];
}

/** As many entities as one ledger row takes. */
const CHUNK = 1_000;
/** How long this process may take to bring a new set in force for itself. */
const IN_FORCE_MS = 30_000;

/** Reads the folder. @throws PoliciesRefused */
export async function readFolder(folder: string): Promise<PolicyFolder> {
  try {
    const files = await readPolicyFolder(folder);
    const text = (await readDirectoryFile(folder)) ?? '[]';
    return { files, digest: digestOf(files), directory: { text, entities: parseEntities(text) } };
  } catch (error) {
    if (error instanceof PolicyFolderError) throw new PoliciesRefused(error.message, { cause: error });
    if (error instanceof EntityJsonError) {
      const place = error.line === undefined ? '' : `:${error.line}:${error.column ?? 1}`;
      // Without the cause, which quotes what is there.
      throw new PoliciesRefused(`${DIRECTORY_FILE}${place}: ${withoutSeen(error.message)}`);
    }
    throw error;
  }
}

/**
 * Checks the folder and puts it in force, whole or not at all: the policies, when they are not in force already, and what
 * directory.json says anew (see `planDirectory`). Entities that it does not name stay.
 * @throws PoliciesRefused when a file is bad, or an entity of the directory does not fit the schema; what was in force stays in force
 * @throws AccessError when it cannot be done now
 */
export async function activate(context: GrantContext, folder: PolicyFolder): Promise<Activated> {
  const { replica, follower, loadedPolicies } = context.followed;
  const policies = await policiesOf(context, folder);
  const known = await readSaid(context, folder);
  const { result, revision } = await decide(bySystem(context), async (trx) => {
    const said = await known.upToNow(trx);
    const { schema } = policies;
    const plan = await planDirectory(trx, folder.directory, { schema, directory: replica.directory, said });
    // Asked anew each time: another process with the same folder may have been faster.
    const isInForce = digestInForce(replica) === folder.digest;
    const replaced = new Set(plan.changed.map((entity) => uidKey(entity.uid)));
    const unfit = isInForce ? [] : directoryProblems(schema, replica.directory, replaced);
    const nobody = isInForce
      ? []
      : await administrationProblems(replica, policies, plan, await readClock(trx));
    const problems = [...plan.problems, ...unfit, ...nobody];
    if (problems.length > 0) throw new PoliciesRefused(problems.join('\n'));
    // This process need not examine the set a second time when the ledger names it.
    if (!isInForce) loadedPolicies.set(folder.digest, policies);
    return await write(trx, { folder, plan, isInForce });
  });
  if (revision > 0n) await follower.waitFor(revision, IN_FORCE_MS);
  return result;
}

async function policiesOf({ followed }: GrantContext, folder: PolicyFolder): Promise<PolicySet> {
  const { replica, askedBefore } = followed;
  if (digestInForce(replica) === folder.digest) return replica.engine.policies;
  const loaded = await loadPolicies(folder.files, { askedBefore: askedBefore() });
  if (loaded.ok) return loaded.policies;
  throw new PoliciesRefused(loaded.problems.map(formatProblem).join('\n'));
}

/** A set under which nobody can administer could be mended by nobody; before anybody is loaded that is as it must be. */
async function administrationProblems(
  { directory, generation }: Replica,
  policies: PolicySet,
  { changed }: DirectoryPlan,
  now: Date,
): Promise<readonly string[]> {
  const rules = { engine: createEngine(policies), directory: directoryWith(directory, changed), generation };
  const { kind } = await findAdministrator(rules, now);
  return kind === 'nobody' ? [NOBODY_ADMINISTERS] : [];
}

function digestInForce({ policies }: Replica): string | undefined {
  return policies.kind === 'ready' ? policies.digest : undefined;
}

/** What directory.json said before. Most of the ledger is read here, before the transition, and only the rest within it. */
async function readSaid({ database, followed: { replica } }: GrantContext, folder: PolicyFolder) {
  const actor = SYSTEM_ACTOR;
  const basis = folder.directory.entities.length === 0 ? undefined : replica.basisRevision;
  const before =
    basis === undefined
      ? new Map<string, string>()
      : await readAppliedDigests(database, { actor, after: 0n, upTo: basis });
  return {
    upToNow: async (trx: Trx): Promise<ReadonlyMap<string, string>> => {
      if (basis === undefined) return before;
      const since = await readAppliedDigests(trx, { actor, after: basis, upTo: replica.basisRevision });
      return new Map([...before, ...since]);
    },
  };
}

interface Activation {
  readonly folder: PolicyFolder;
  readonly plan: DirectoryPlan;
  readonly isInForce: boolean;
}

async function write(trx: Trx, { folder, plan, isInForce }: Activation) {
  const at = await readClock(trx);
  const actor = SYSTEM_ACTOR;
  if (!isInForce) await writePolicySet(trx, folder.digest, folder.files);
  const chunks = chunked(plan.changed.map(say));
  for (const chunk of chunks) await writeEntities(trx, chunk);
  const activated = { kind: 'POLICY_ACTIVATED', at, actor, digest: folder.digest } as const;
  return {
    events: [...(isInForce ? [] : [activated]), ...chunks.map((chunk) => appliedEvent(chunk, actor, at))],
    result: () => ({ deleted: plan.deleted }),
  };
}

function chunked<T>(entities: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(entities.length / CHUNK);
  return Array.from({ length: count }, (_, index) => entities.slice(index * CHUNK, (index + 1) * CHUNK));
}
