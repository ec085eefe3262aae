import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { type CandidateSource, type EntityScope, policyById } from '../../core/policy/policy-set.ts';
import { curfewAction } from '../../core/policy/schema-shape.ts';
import { entitiesLeadingTo } from '../../core/replica/referrers.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { ReviewWay } from '../../core/store/list-to-review.ts';
import { takeTurns } from './give-way.ts';

/** Each resource is looked for by itself; of more, everything of the step is looked through. */
const MOST_EACH = 10_000;

/**
 * Where requests that somebody may review are to be looked for, by the approve permits, groups and attributes of now: the same
 * sources in which candidates for a request are found, the other way round. It is an upper bound.
 */
export async function waysToReview(
  replica: Replica,
  caller: EntityUid,
  signal: AbortSignal,
): Promise<readonly ReviewWay[]> {
  const { policies } = replica.engine;
  if (!policies.schema.personTypes.includes(caller.type) || !replica.directory.has(caller)) return [];
  const turns = takeTurns();
  const looking: Looking = {
    replica,
    targets: replica.directory.selfAndAncestors(caller),
    giveWay: () => turns(signal),
  };
  const ways = new Map<string, ReviewWay>();
  for (const { policyId, step, candidates } of policies.approvals) {
    const scope = policyById(policies, policyId)?.resource ?? { kind: 'any' };
    for (const source of candidates)
      for (const place of await placesOf(looking, source, scope))
        ways.set(`${step} ${place.by} ${place.is}`, { step, by: place.by, is: place.is });
  }
  return [...ways.values()];
}

interface Looking {
  readonly replica: Replica;
  /** The caller, and every group that the caller is inside of. */
  readonly targets: ReadonlySet<string>;
  readonly giveWay: () => Promise<void>;
}

type Place = Omit<ReviewWay, 'step'>;

/** Where the caller may fill the step because of the source. */
async function placesOf(
  looking: Looking,
  source: CandidateSource,
  scope: EntityScope,
): Promise<readonly Place[]> {
  const { replica, targets } = looking;
  if (source.kind === 'everyone') return inScope(replica, scope);
  if (source.kind === 'entity') return targets.has(uidKey(source.uid)) ? inScope(replica, scope) : [];
  const start = startOf(source);
  if (start === undefined) return inScope(replica, scope);
  const keys = await entitiesLeadingTo(replica.directory, start.path, targets, looking.giveWay);
  return each(start.by, keys) ?? inScope(replica, scope);
}

/** Which column has what the path starts from. */
function startOf({ root, path }: Extract<CandidateSource, { kind: 'path' }>) {
  if (root === 'resource') return { by: 'resource', path } as const;
  const [request, party, ...rest] = path;
  const by = request === 'request' && party !== undefined ? PARTIES.get(party) : undefined;
  return by === undefined ? undefined : { by, path: rest };
}

const PARTIES: ReadonlyMap<string, 'requester' | 'subject'> = new Map([
  ['requester', 'requester'],
  ['requesterService', 'requester'],
  ['subject', 'subject'],
  ['subjectService', 'subject'],
]);

/** The resources that the head of a permit takes. */
function inScope({ directory, engine }: Replica, scope: EntityScope): readonly Place[] {
  if (scope.kind === 'equals') return [{ by: 'resource', is: uidKey(scope.uid) }];
  if (scope.kind === 'in' || scope.kind === 'isIn') {
    const keys = [uidKey(scope.uid)];
    for (const entity of directory.descendants(scope.uid)) keys.push(uidKey(entity.uid));
    const inside = each('resource', keys);
    if (inside !== undefined) return inside;
  }
  const types = curfewAction(engine.policies.schema, 'approve')?.resourceTypes ?? [];
  const wanted = scope.kind === 'is' || scope.kind === 'isIn' ? [scope.type] : types;
  return wanted.map((is) => ({ by: 'resource_type', is }));
}

function each(by: Place['by'], keys: Iterable<string>): readonly Place[] | undefined {
  const places = Array.from(keys, (is) => ({ by, is }));
  return places.length > MOST_EACH ? undefined : places;
}
