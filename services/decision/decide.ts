import { AccessError } from '../../core/access/access-error.ts';
import { type Entity, type EntityUid } from '../../core/access/entity.ts';
import type { LiveGrant } from '../../core/access/grant.ts';
import { accessContext } from '../../core/policy/curfew-context.ts';
import type { Engine, Evaluation, PolicyError } from '../../core/policy/engine.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import { withStandIns } from '../../core/policy/stand-in.ts';
import { evaluationFailed } from '../../core/replica/rights.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { likenessOf, tooManyGrants } from './alike-grants.ts';
import { callerLookup } from './caller-lookup.ts';
import { coveringGrants } from './covering-grants.ts';
import { factsOfGrant } from './grant-facts.ts';
import { lookAtEntrance } from './entrance.ts';
import { GRANT_EVALUATIONS } from './limits.ts';
import { kindOf } from './kind.ts';
import type { Moment } from './moment.ts';
import type { Kind } from '../../core/policy/policies-about.ts';
import type { Question } from './question.ts';
import { grantPolicies } from '../../core/policy/reads-about.ts';
import { standingPart } from './standing-part.ts';
import { endOfStops, firstReopening, type Stop, stopsOn, unlocked } from './stops.ts';
import { takesUses } from './uses.ts';

/** What was decided, and by what. */
export interface Decision {
  readonly effect: 'ALLOW' | 'DENY';
  /** The grant that permitted it; undefined when a standing permit did, or on a deny. */
  readonly grant: PermittingGrant | undefined;
  /** On allow the permits that applied, on deny the forbids that applied in any evaluation; none when nothing permits it. */
  readonly policyIds: readonly string[];
  /** Policies that erred in any evaluation, each once. */
  readonly errors: readonly PolicyError[];
  /** On a deny, the locks that stop it; policies were not asked when one stops more than a grant. */
  readonly stops: readonly Stop[];
  /** On such a deny, when time alone could end what the locks do; undefined when it could not. */
  readonly reopensAt: Date | undefined;
}

/** What is to be known of a grant that permits: decisions are kept by the hundred thousand, and hold no more. */
export interface PermittingGrant {
  readonly id: string;
  readonly expiresAt: Date;
  /** All of it, where it takes note of its uses. */
  readonly noting: LiveGrant | undefined;
}

/**
 * Decides a question that `checkAgainstSchema` passed: locks first, then standing permits, then each live grant that covers it; the
 * first permit decides. Reads one state of the replica, because it never gives way.
 * @throws AccessError STALE when only a grant could permit it and the replica is too old for that, or too old for anything;
 *   EVALUATION_FAILED when the engine failed and nothing permits it; TOO_MUCH when more grants cover it than are asked about
 */
export function decide(replica: Replica, action: ActionShape, question: Question, moment: Moment): Decision {
  if (moment.freshness === 'silent') throw stale(moment, 'nothing is permitted');
  const stops = stopsOn(replica, question, moment.early);
  if (stops.length > 0) return lockedOut(stops);
  const asked = prepare(replica, action, question, moment);
  const { isKnown, kind } = asked;
  const takesGrants = isKnown && action.takesGrants && moment.freshness === 'fresh';
  const covering = takesGrants ? coveringGrants(replica, question, moment) : [];
  const { free: grants, stopped } = unlocked(replica, covering, moment.early);
  const entrance = lookAtEntrance(replica, moment);
  const evaluations = new Evaluations(replica.engine, asked);
  if (isKnown) {
    const standing = evaluations.standing(grants.find(entrance.isOpenTo));
    if (standing.decision === 'allow') return allow(standing, [standing], undefined);
  } else asIfKnown(replica.engine, asked);
  if (action.takesGrants && moment.freshness === 'stale') throw stale(moment, 'no grant permits');
  const likeness = grants.length > 1 ? likenessOf(replica.engine.policies, kind, moment.now) : () => '';
  const ask = (grant: LiveGrant) => (entrance.isOpenTo(grant) ? evaluations.with(grant) : undefined);
  const permit = firstPermit(grants, likeness, ask);
  if (permit.kind === 'found') return allow(permit.evaluation, evaluations.all(), permit.grant);
  entrance.requireAnswered();
  if (permit.kind === 'too-many' || entrance.isSpent()) throw tooManyGrants(question, grants.length);
  const denied = deny(evaluations.all());
  if (stopped.length === 0) return denied;
  return { ...denied, stops: stopped.flatMap((it) => it.stops), reopensAt: firstReopening(stopped) };
}

/** Evaluates what nobody wants to know, so that how long a denial takes does not tell who or what there is. */
function asIfKnown(engine: Engine, asked: Asked): void {
  evaluate(engine, asked, undefined);
}

/** A lock wins over every policy, so none is asked. */
function lockedOut(stops: readonly Stop[]): Decision {
  return { ...NOTHING, effect: 'DENY', stops, reopensAt: endOfStops(stops) };
}

const NONE: readonly never[] = [];
const NOTHING = {
  grant: undefined,
  policyIds: NONE,
  errors: NONE,
  stops: NONE,
  reopensAt: undefined,
} as const;

type Permit =
  | { readonly kind: 'found'; readonly grant: LiveGrant; readonly evaluation: Evaluation }
  | { readonly kind: 'none' | 'too-many' };

/** Asks about each grant that policies can tell from those before it; of grants that are alike the first lasts longest. One without an answer is passed over. */
function firstPermit(
  grants: readonly LiveGrant[],
  likeness: (grant: LiveGrant) => string,
  ask: (grant: LiveGrant) => Evaluation | undefined,
): Permit {
  const answered = new Set<string>();
  let asked = 0;
  for (const grant of grants) {
    const alike = likeness(grant);
    if (answered.has(alike)) continue;
    if (asked === GRANT_EVALUATIONS) return { kind: 'too-many' };
    const evaluation = ask(grant);
    if (evaluation === undefined) continue;
    asked += 1;
    if (evaluation.decision === 'allow') return { kind: 'found', grant, evaluation };
    // A failure is no answer: the next of its like may get one.
    if (evaluation.failure === undefined) answered.add(alike);
  }
  return { kind: 'none' };
}

interface Asked {
  readonly question: Question;
  readonly action: ActionShape;
  readonly kind: Kind;
  readonly now: Date;
  /** Of what nobody knows, something in its place. */
  readonly entities: readonly Entity[];
  /** Principal and resource are known: of the directory, or the caller's own. Else the answer is a deny like any other. */
  readonly isKnown: boolean;
}

function prepare(replica: Replica, action: ActionShape, question: Question, moment: Moment): Asked {
  const { directory, engine } = replica;
  const { policies } = engine;
  const isKnown = (uid: EntityUid): boolean => {
    const type = policies.schema.entityTypes.get(uid.type);
    // The schema itself lists the entities of a type that has `ids`, and the check has looked there.
    return type?.isCaller === true || type?.ids !== undefined || directory.has(uid);
  };
  const strangers = [question.principal, question.resource].filter((uid) => !isKnown(uid));
  const lookup = callerLookup(directory, question);
  const entities = entitiesFor(
    policies,
    'access',
    question,
    strangers.length === 0 ? lookup : withStandIns(policies.schema, lookup, strangers),
  );
  const kind = kindOf(question, action);
  return { question, action, kind, now: moment.now, entities, isKnown: strangers.length === 0 };
}

/** The evaluations that one question takes, each made once. */
class Evaluations {
  readonly #engine: Engine;
  readonly #asked: Asked;
  readonly #made = new Map<LiveGrant | undefined, Evaluation>();

  constructor(engine: Engine, asked: Asked) {
    this.#engine = engine;
    this.#asked = asked;
  }

  /** Without a grant; where policies let it, as a part of the one with the grant, which has to be made anyway if this permits nothing. */
  standing(grant: LiveGrant | undefined): Evaluation {
    const byGrant = grantPolicies(this.#engine.policies, this.#asked.kind);
    const isPart = grant !== undefined && byGrant !== undefined;
    const standing = isPart ? standingPart(this.with(grant), byGrant) : undefined;
    if (standing !== undefined) this.#made.set(undefined, standing);
    return this.with(undefined);
  }

  with(grant: LiveGrant | undefined): Evaluation {
    const evaluation = this.#made.get(grant) ?? evaluate(this.#engine, this.#asked, grant);
    this.#made.set(grant, evaluation);
    return evaluation;
  }

  all(): readonly Evaluation[] {
    return [...this.#made.values()];
  }
}

function evaluate(engine: Engine, asked: Asked, grant: LiveGrant | undefined): Evaluation {
  const { question, action, now, entities } = asked;
  const context = accessContext({
    action,
    sent: question.context,
    now,
    grant: grant === undefined ? undefined : factsOfGrant(grant, now),
  });
  const { principal, resource } = question;
  return engine.evaluate('access', { principal, action: action.uid, resource, context, entities });
}

function allow(
  { policyIds }: Evaluation,
  evaluations: readonly Evaluation[],
  grant: LiveGrant | undefined,
): Decision {
  const permitting =
    grant === undefined
      ? undefined
      : { id: grant.id, expiresAt: grant.expiresAt, noting: takesUses(grant) ? grant : undefined };
  return { ...NOTHING, effect: 'ALLOW', grant: permitting, policyIds, errors: errorsOf(evaluations) };
}

function deny(evaluations: readonly Evaluation[]): Decision {
  const failure = evaluations.find((evaluation) => evaluation.failure !== undefined)?.failure;
  if (failure !== undefined) {
    throw evaluationFailed(failure);
  }
  const policyIds = [...new Set(evaluations.flatMap((evaluation) => evaluation.policyIds))].toSorted();
  return { ...NOTHING, effect: 'DENY', policyIds, errors: errorsOf(evaluations) };
}

function errorsOf(evaluations: readonly Evaluation[]): readonly PolicyError[] {
  const errors = evaluations.flatMap((evaluation) => evaluation.errors);
  if (errors.length === 0) return NONE;
  return [...new Map(errors.map((error) => [error.policyId, error])).values()];
}

function stale({ ageMs }: Moment, consequence: string): AccessError {
  const age = Number.isFinite(ageMs) ? `${Math.round(ageMs)} ms` : 'unknown';
  const message = `the last good look at the ledger is too old for this (age: ${age}), so ${consequence}; call again`;
  return new AccessError('STALE', message, { metadata: { age_ms: String(Math.round(ageMs)) } });
}
