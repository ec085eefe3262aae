import { randomUUID } from 'node:crypto';
import { type Entity, type EntityUid } from '../../../core/access/entity.ts';
import { entityToJson } from '../../../core/access/entity-json.ts';
import { type LedgerEvent, SYSTEM_ACTOR } from '../../../core/access/event.ts';
import { DatabaseClock, type Instant } from '../../../core/feed/database-clock.ts';
import { Follower } from '../../../core/feed/follower.ts';
import { createEngine, type Engine, type Evaluation } from '../../../core/policy/engine.ts';
import { digestOf, type PolicyFiles } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import type { Phase } from '../../../core/policy/policy-set.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import type { Policies } from '../../../core/replica/policies.ts';
import { Replica } from '../../../core/replica/replica.ts';
import { connect } from '../../../core/store/connect.ts';
import type { Answer } from '../../../services/decision/answer.ts';
import type { DecisionContext } from '../../../services/decision/authorize.ts';
import { answerAt } from '../../../services/decision/authorize.ts';
import { MEMO_DECISIONS } from '../../../services/decision/limits.ts';
import { createMemo, type Memo, type Settled } from '../../../services/decision/memo.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import type { PolicyAlarm } from '../../../services/decision/policy-alarm.ts';
import type { Question } from '../../../services/decision/question.ts';
import { createRights } from '../../../services/decision/rights.ts';
import { action, attributes, directory, goodContext, vault } from './people.ts';
import { GrantServiceUses } from '../../../services/decision/grant-service-uses.ts';
import type { Asking } from '../../../services/decision/uses.ts';
import type { LiveState } from '../../../core/access/grant.ts';
import { plainStart } from '../../support/plain-grant.ts';

/** The machine's clock, moved by the test. */
export class FakeMachine {
  wall = Date.parse('2026-03-01T12:00:00Z');
  monotonic = 5_000;
  readonly wallMs = (): number => this.wall;
  readonly monotonicMs = (): number => this.monotonic;

  advance(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
  }
}

export interface GrantTerms {
  readonly id?: string;
  readonly subject: EntityUid;
  readonly actions?: readonly string[];
  readonly resource?: EntityUid;
  readonly workflow?: string;
  readonly ticket?: string;
  readonly steps?: readonly string[];
  readonly state?: LiveState;
  readonly startsAt: Date;
  readonly expiresAt: Date;
}

/** A question, asked by its principal unless said, with a good context for `open` and nothing else. */
export type Asked = Partial<Question> & { readonly principal: EntityUid; readonly caller?: EntityUid };

/**
 * The use case over a replica that the test feeds by hand and a clock whose machine is fake: for tests that need exact instants. Cedar
 * is the real one.
 */
export interface LocalDecision {
  readonly machine: FakeMachine;
  readonly clock: DatabaseClock;
  readonly replica: Replica;
  readonly context: DecisionContext;
  /** A good poll: sent now, answered now, with the database's time the same as the machine's unless said. */
  poll(databaseMs?: number): Instant;
  apply(...events: readonly LedgerEvent[]): Promise<bigint>;
  /** Puts other policies in force. */
  activate(files: PolicyFiles): Promise<bigint>;
  start(terms: GrantTerms): Promise<string>;
  end(grantId: string): Promise<bigint>;
  ask(asked: Asked): Said;
}

export interface LocalOptions {
  readonly staleStandingMs?: number;
  /** Hears of policies that err. */
  readonly alarm?: PolicyAlarm;
  /** As the service has it unless said. */
  readonly memo?: Memo;
  /** Sees each answer of the engine, and what it returns is what is answered. */
  readonly watch?: (evaluation: Evaluation, phase: Phase) => Evaluation;
}

/** An answer, and beside it what was decided. */
export type Said = Answer & Settled;

function saidBy(answer: Answer): Said {
  const settled = decided(answer.settled);
  return { ...settled, ...answer, settled };
}

/** What was decided, without what is kept beside it. */
export function decided({
  effect,
  grant,
  policyIds,
  errors,
  stops,
  reopensAt,
  advice,
  ...rest
}: Settled): Settled {
  const { validUntil, mayBeKept } = rest;
  return { effect, grant, policyIds, errors, stops, reopensAt, advice, validUntil, mayBeKept };
}

export async function localDecision(files: PolicyFiles, options: LocalOptions = {}): Promise<LocalDecision> {
  const machine = new FakeMachine();
  const clock = new DatabaseClock(machine);
  const known = new Map<string, PolicyFiles>();
  const { watch } = options;
  const replica = new Replica(async (digest) => {
    const policies = await loaded(known.get(digest) ?? new Map());
    if (policies.kind !== 'ready' || watch === undefined) return policies;
    return { ...policies, engine: watched(policies.engine, watch) };
  });
  let revision = 0n;
  const apply: LocalDecision['apply'] = async (...events) => {
    for (const event of events) {
      revision += 1n;
      await replica.apply({ revision, hash: Buffer.alloc(32), previousHash: Buffer.alloc(32), event });
    }
    return revision;
  };
  const now = (): Date => new Date(machine.wall);
  const activate: LocalDecision['activate'] = (set) => {
    const digest = digestOf(set);
    known.set(digest, set);
    return apply({ kind: 'POLICY_ACTIVATED', at: now(), actor: SYSTEM_ACTOR, digest });
  };
  await activate(files);
  await apply(applied(directory, now()));
  const context = contextOf(replica, clock, options);
  const local: LocalDecision = {
    machine,
    clock,
    replica,
    context,
    poll(databaseMs = machine.wall) {
      const instant = clock.look();
      clock.observe(new Date(databaseMs), instant, instant);
      return instant;
    },
    apply,
    activate,
    async start(terms) {
      const event = started(terms, now());
      await apply(event);
      return event.grantId;
    },
    end: (grantId) =>
      apply({
        kind: 'GRANT_ENDED',
        at: now(),
        actor: SYSTEM_ACTOR,
        requestId: randomUUID(),
        grantId,
        endReason: 'REVOKED',
        endedAt: now(),
      }),
    ask: ({ caller, ...asked }) =>
      saidBy(
        answerAt(
          context,
          momentOf(clock, context.staleStandingMs),
          caller ?? asked.principal,
          questionOf(asked),
        ),
      ),
  };
  local.poll();
  return local;
}

/** A call of theirs that nobody cancels. */
export function askingAs(caller: EntityUid): Asking {
  return { caller, authorization: undefined, signal: new AbortController().signal };
}

export function questionOf(asked: Partial<Question> & { readonly principal: EntityUid }): Question {
  return {
    action: action('open'),
    resource: vault('plain'),
    context: attributes(goodContext),
    entities: [],
    atLeastRevision: 0n,
    explain: false,
    dryRun: false,
    useId: '',
    prefix: '',
    ...asked,
  };
}

export function applied(entities: readonly Entity[], at: Date): LedgerEvent {
  return {
    kind: 'ENTITIES_APPLIED',
    at,
    actor: SYSTEM_ACTOR,
    entities: entities.map(({ uid }) => ({ uid, digest: '' })),
    text: JSON.stringify(entities.map(entityToJson)),
  };
}

export function started(terms: GrantTerms, at: Date) {
  const { subject, startsAt, expiresAt, ticket = '' } = terms;
  return {
    ...plainStart,
    kind: 'GRANT_STARTED',
    at,
    actor: SYSTEM_ACTOR,
    requestId: randomUUID(),
    grantId: terms.id ?? randomUUID(),
    item: 0,
    requester: subject,
    subject,
    actions: (terms.actions ?? ['open']).map(action),
    resource: terms.resource ?? vault('plain'),
    workflow: terms.workflow ?? 'held',
    steps: terms.steps ?? ['keeper'],
    ...(terms.state === undefined ? {} : { state: terms.state }),
    startsAt,
    expiresAt,
    text: JSON.stringify({ reason: 'a reason', ticket }),
  } as const satisfies LedgerEvent;
}

function watched(engine: Engine, watch: NonNullable<LocalOptions['watch']>): Engine {
  return {
    policies: engine.policies,
    replacedInstances: 0,
    evaluate: (phase, question) => watch(engine.evaluate(phase, question), phase),
    evaluateRaw: (phase, question) => engine.evaluateRaw(phase, question),
    checkCanary: () => engine.checkCanary(),
  };
}

/** An engine keeps nothing of a question, so tests of the same policies share it: loading takes a worker. */
const engines = new Map<string, Promise<Policies>>();

function loaded(files: PolicyFiles): Promise<Policies> {
  const digest = digestOf(files);
  const known = engines.get(digest) ?? load(files);
  engines.set(digest, known);
  return known;
}

async function load(files: PolicyFiles): Promise<Policies> {
  const result = await loadPolicies(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return { kind: 'ready', digest: result.policies.digest, engine: createEngine(result.policies) };
}

/** The follower never starts: answering at a moment does not ask it. */
function contextOf(replica: Replica, clock: DatabaseClock, options: LocalOptions): DecisionContext {
  const { alarm = () => undefined, staleStandingMs = 60_000 } = options;
  const database = connect({
    url: 'postgres://nobody@127.0.0.1:1/none',
    name: 'never connected',
    poolSize: 1,
    statementTimeoutMs: 1,
    onConnectionLost: () => undefined,
  });
  const log = { info: () => undefined, error: () => undefined };
  const follower = new Follower({ database, sink: replica, clock, log, pollMs: 1, batch: 1 });
  const followed = { replica, clock, follower };
  const observe = (answer: () => Answer): Answer => answer();
  // Of no grant service: what takes uses is not acknowledged.
  const uses = new GrantServiceUses({ remote: undefined, log: { warn: () => undefined } });
  const rights = createRights(followed, { alarm });
  const { memo = createMemo(MEMO_DECISIONS) } = options;
  return { followed, rights, alarm, uses, observe, staleStandingMs, memo };
}
