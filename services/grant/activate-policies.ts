import { SYSTEM_ACTOR } from '../../core/access/event.ts';
import { type Entity, uidKey } from '../../core/access/entity.ts';
import { EntityJsonError, parseEntities } from '../../core/access/entity-json.ts';
import {
  digestOf,
  type PolicyFiles,
  PolicyFolderError,
  readDirectoryFile,
  readPolicyFolder,
} from '../../core/policy/files.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { writePolicySet } from '../../core/store/policy-sets.ts';
import { readClock } from '../../core/store/transition.ts';
import { applyEntities } from './apply-entities.ts';
import { decide, type GrantContext } from './context.ts';

/** The policy folder is not fit to be put in force; the message says where and why, a line each. */
export class PoliciesRefused extends Error {
  override readonly name = 'PoliciesRefused';
}

/** What is in the folder now. */
export interface PolicyFolder {
  readonly files: PolicyFiles;
  readonly digest: string;
  /** Of directory.json. */
  readonly entities: readonly Entity[];
  readonly directoryText: string;
}

const DIRECTORY_FILE = 'directory.json';
/** As many as one ledger row takes. */
const CHUNK = 1_000;

/** Reads the folder. @throws PoliciesRefused */
export async function readFolder(folder: string): Promise<PolicyFolder> {
  try {
    const files = await readPolicyFolder(folder);
    const directoryText = (await readDirectoryFile(folder)) ?? '[]';
    return { files, digest: digestOf(files), directoryText, entities: parseEntities(directoryText) };
  } catch (error) {
    if (error instanceof PolicyFolderError) throw new PoliciesRefused(error.message, { cause: error });
    if (error instanceof EntityJsonError) {
      const place = error.line === undefined ? '' : `:${error.line}:${error.column ?? 1}`;
      throw new PoliciesRefused(`${DIRECTORY_FILE}${place}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/**
 * Checks the folder and puts it in force: first the policies, when they are not in force already, then what directory.json adds or
 * changes. Entities that it does not name stay.
 * @throws PoliciesRefused when a file is bad; what was in force stays in force
 */
export async function activate(context: GrantContext, folder: PolicyFolder): Promise<void> {
  const inForce = context.followed.replica.policies;
  if (inForce.kind !== 'ready' || inForce.digest !== folder.digest) await putInForce(context, folder);
  await applyDirectory(context, folder.entities);
}

async function putInForce(context: GrantContext, folder: PolicyFolder): Promise<void> {
  const loaded = await loadPolicies(folder.files, {
    entities: folder.entities,
    entitiesFile: DIRECTORY_FILE,
  });
  if (!loaded.ok) throw new PoliciesRefused(loaded.problems.map(formatProblem).join('\n'));
  const { follower, loadedPolicies } = context.followed;
  // This process need not examine the set a second time when the ledger names it.
  loadedPolicies.set(folder.digest, loaded.policies);
  const { revision } = await decide(context, async (trx) => {
    await writePolicySet(trx, folder.digest, folder.files);
    const at = await readClock(trx);
    return {
      events: [{ kind: 'POLICY_ACTIVATED', at, actor: SYSTEM_ACTOR, digest: folder.digest }],
      result: () => undefined,
    };
  });
  await follower.waitFor(revision, IN_FORCE_MS);
}

/** How long this process may take to bring a new set in force for itself. */
const IN_FORCE_MS = 30_000;

async function applyDirectory(context: GrantContext, entities: readonly Entity[]): Promise<void> {
  const ordered = parentsFirst(entities);
  for (let start = 0; start < ordered.length; start += CHUNK) {
    const chunk = ordered.slice(start, start + CHUNK);
    await applyEntities(context, { kind: 'system', uid: SYSTEM }, { entities: chunk, allowReuse: false });
  }
}

/** So that each chunk finds the parents that it names. */
function parentsFirst(entities: readonly Entity[]): readonly Entity[] {
  const byKey = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const ordered = new Map<string, Entity>();
  const visiting = new Set<string>();
  const visit = (key: string): void => {
    const entity = byKey.get(key);
    if (entity === undefined || visiting.has(key)) return;
    visiting.add(key);
    for (const parent of entity.parents) visit(uidKey(parent));
    ordered.set(key, entity);
  };
  for (const key of byKey.keys()) visit(key);
  return [...ordered.values()];
}
