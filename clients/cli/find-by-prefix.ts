import { usageError } from './cli-error.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const beginning = /^[0-9a-f-]{4,35}$/i;

/** What a beginning of an id is looked up in: everything of one list, or the statement that there was more. */
export interface Known {
  readonly ids: readonly string[];
  readonly isWhole: boolean;
}

/**
 * The id that a person means: a whole one as it is, or the only known one that begins so.
 *
 * @param kind "request", "grant" or "lock", for errors
 * @throws CliError usage when none or several do
 */
export async function findId(given: string, kind: string, list: () => Promise<Known>): Promise<string> {
  if (uuid.test(given)) return given.toLowerCase();
  if (!beginning.test(given))
    throw usageError(
      `${kind} id`,
      `seen ${JSON.stringify(given)}, wanted a UUID or its first characters, at least 4`,
    );
  const { ids, isWhole } = await list();
  const [only, other] = ids.filter((id) => id.startsWith(given.toLowerCase()));
  if (only === undefined || !isWhole)
    throw usageError(
      `${kind} id`,
      `seen ${given}, wanted the id of a ${kind}, whole, as curfew ${kind}s lists it`,
    );
  if (other !== undefined)
    throw usageError(`${kind} id`, `seen ${given}, which begins ${only} and ${other}; wanted more of it`);
  return only;
}
