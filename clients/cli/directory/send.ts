import { toBinary } from '@bufbuild/protobuf';
import type { Entity } from '../../../core/policy/directory-text.ts';
import { type Entity as EntityMessage, EntitySchema } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { type Curfew, CurfewError, type EntityName } from '../../sdk/index.ts';
import { CliError } from '../cli-error.ts';
import { formatEntity } from '../entity-name.ts';
import type { Terminal } from '../terminal.ts';
import { toMessage } from './entity-message.ts';

/** What one call takes. */
const MOST = 1_000;
/** A message may have 1 MiB, with what each entity costs to be one of many. */
const MOST_BYTES = 1_000_000;
const OVERHEAD_BYTES = 8;
/** A call of a thousand entities ends grants too. */
const CALL_MS = 60_000;

/** What came of it. */
export interface Sent {
  readonly endedGrantIds: readonly string[];
  readonly withdrawnRequestIds: readonly string[];
  /** On which votes were taken back. */
  readonly unvotedRequestIds: readonly string[];
  /** The ledger revision of the last change; 0 when there was none. */
  readonly revision: bigint;
}

export interface SendOptions {
  readonly curfew: Curfew;
  readonly terminal: Pick<Terminal, 'note'>;
}

/**
 * Applies entities in their order, as many in one call as it takes.
 * @param placeOf where an entity stands, for what the service says of it
 * @throws CliError that says which had been applied when a call failed
 */
export async function sendEntities(
  entities: readonly Entity[],
  {
    curfew,
    terminal,
    ...how
  }: SendOptions & {
    readonly allowReuse: boolean;
    readonly placeOf: (entity: Entity) => string;
  },
): Promise<Sent> {
  const progress = startProgress(terminal, 'applied', entities.length);
  const endedGrantIds: string[] = [];
  let revision = 0n;
  let done = 0;
  for (const chunk of chunksOf(entities)) {
    const of = chunk.map(({ entity }) => entity);
    try {
      const answer = await curfew.services.directory.applyEntities(
        { entities: chunk.map(({ message }) => message), allowReuse: how.allowReuse },
        { timeoutMs: CALL_MS },
      );
      endedGrantIds.push(...answer.endedGrantIds);
      ({ revision } = answer);
    } catch (error) {
      throw failure(error, { done: entities.slice(0, done), failed: of, placeOf: how.placeOf });
    }
    done += chunk.length;
    progress(done);
  }
  return { endedGrantIds, withdrawnRequestIds: [], unvotedRequestIds: [], revision };
}

/** Deletes entities. @throws CliError that says which had been deleted when a call failed */
export async function deleteEntities(
  uids: readonly EntityName[],
  { curfew, terminal }: SendOptions,
): Promise<Sent> {
  const progress = startProgress(terminal, 'deleted', uids.length);
  const endedGrantIds: string[] = [];
  const withdrawnRequestIds: string[] = [];
  const unvotedRequestIds: string[] = [];
  let revision = 0n;
  for (let start = 0; start < uids.length; start += MOST) {
    const chunk = uids.slice(start, start + MOST);
    try {
      const answer = await curfew.services.directory.deleteEntities(
        { uids: chunk.map(({ type, id }) => ({ type, id })) },
        { timeoutMs: CALL_MS },
      );
      endedGrantIds.push(...answer.endedGrantIds);
      withdrawnRequestIds.push(...answer.withdrawnRequestIds);
      unvotedRequestIds.push(...answer.unvotedRequestIds);
      ({ revision } = answer);
    } catch (error) {
      if (start === 0) throw error;
      throw new CliError(`${messageOf(error)}; deleted before: ${extent(uids.slice(0, start))}`, {
        cause: error,
        next: 'run the command again for the rest',
      });
    }
    progress(start + chunk.length);
  }
  return { endedGrantIds, withdrawnRequestIds, unvotedRequestIds, revision };
}

interface Piece {
  readonly entity: Entity;
  readonly message: EntityMessage;
}

function* chunksOf(entities: readonly Entity[]): Iterable<readonly Piece[]> {
  let chunk: Piece[] = [];
  let sizeBytes = 0;
  for (const entity of entities) {
    const message = toMessage(entity);
    const bytes = toBinary(EntitySchema, message).length + OVERHEAD_BYTES;
    if (chunk.length > 0 && (chunk.length === MOST || sizeBytes + bytes > MOST_BYTES)) {
      yield chunk;
      chunk = [];
      sizeBytes = 0;
    }
    chunk.push({ entity, message });
    sizeBytes += bytes;
  }
  if (chunk.length > 0) yield chunk;
}

interface Failed {
  readonly done: readonly Entity[];
  readonly failed: readonly Entity[];
  readonly placeOf: (entity: Entity) => string;
}

/** Bad fields by their place in the file, and how far it had come. */
function failure(error: unknown, { done, failed, placeOf }: Failed): CliError {
  const violations = error instanceof CurfewError ? error.violations : [];
  const said = violations.map(({ field, description }) => {
    const at = /^entities\[(\d+)\]\.?/.exec(field);
    const entity = at === null ? undefined : failed[Number(at[1])];
    if (at === null || entity === undefined) return `${field}: ${description}`;
    return `${placeOf(entity)}: ${field.slice(at[0].length)}: ${description}`;
  });
  const what = said.length === 0 ? messageOf(error) : said.slice(0, MOST_SAID).join('; ');
  const before =
    done.length === 0 ? 'nothing was applied' : `applied before: ${extent(done.map(({ uid }) => uid))}`;
  return new CliError(
    `${what}; ${before}; not applied: ${extent(failed.map(({ uid }) => uid))} and what follows`,
    {
      cause: error,
      next: 'correct it and run the command again: what is applied already is not sent again',
    },
  );
}

const MOST_SAID = 20;

function extent(uids: readonly EntityName[]): string {
  const [first, last] = [uids[0], uids.at(-1)];
  if (first === undefined || last === undefined) return 'nothing';
  if (uids.length === 1) return formatEntity(first);
  return `${uids.length} entities, ${formatEntity(first)} to ${formatEntity(last)}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Says how far it is at every tenth of many. */
function startProgress(
  { note }: Pick<Terminal, 'note'>,
  what: string,
  total: number,
): (done: number) => void {
  let said = 0;
  return (done) => {
    if (total <= MOST || (done - said < total / 10 && done < total)) return;
    said = done;
    note([`${what} ${done} of ${total}`]);
  };
}
