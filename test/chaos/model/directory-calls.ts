import { applyEntities } from '../../../services/grant/apply-entities.ts';
import type { EntityUid } from '../../../core/access/entity.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { removeEntities } from '../../../services/grant/delete-entities.ts';
import { user } from './entities.ts';
import { ADMIN } from './terms.ts';

const ROOT = user(ADMIN);

/** Puts the person into these groups and no others; one who was deleted comes back. */
export async function move(context: GrantContext, id: string, groups: readonly string[]): Promise<void> {
  const parents = groups.map((group) => ({ type: 'Group', id: group }));
  const entity = { uid: user(id), attributes: new Map(), parents, tags: new Map() };
  await applyEntities(context, ROOT, { entities: [entity], allowReuse: true });
}

/** A database in the environment of its workflow. */
export interface Built {
  readonly id: string;
  readonly environment: string;
  readonly owners: readonly string[];
}

/** Databases, new or changed. */
export async function build(context: GrantContext, databases: readonly Built[]): Promise<void> {
  const entities = databases.map(({ id, environment, owners }) => ({
    uid: { type: 'Database', id },
    attributes: new Map([
      [
        'owners',
        {
          kind: 'set',
          values: owners.map((owner) => ({ kind: 'entity', uid: user(owner) }) as const),
        } as const,
      ],
    ]),
    parents: [{ type: 'Environment', id: environment }],
    tags: new Map(),
  }));
  await applyEntities(context, ROOT, { entities, allowReuse: false });
}

/** Deletes it. @returns the ids of what ended with it */
export async function remove(
  context: GrantContext,
  uid: EntityUid,
): Promise<Readonly<Record<'ended' | 'withdrawn' | 'unvoted', readonly string[]>>> {
  const { result } = await removeEntities(context, ROOT, [uid]);
  return {
    ended: result.endedGrantIds.toSorted(),
    withdrawn: result.withdrawnRequestIds.toSorted(),
    unvoted: result.unvotedRequestIds.toSorted(),
  };
}
