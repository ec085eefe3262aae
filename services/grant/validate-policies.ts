import type { EntityUid } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import { type AccessRequest, pendingItems, type RequestItem } from '../../core/access/request.ts';
import { createEngine } from '../../core/policy/engine.ts';
import { digestOf, type PolicyFiles, SCHEMA_FILE } from '../../core/policy/files.ts';
import { loadPolicies } from '../../core/policy/load.ts';
import type { Problem } from '../../core/policy/problem.ts';
import { isLetIn } from '../../core/replica/eligible.ts';
import { letIn, standing } from '../../core/replica/let-in.ts';
import type { Rules } from '../../core/replica/rights.ts';
import { listRequests } from '../../core/store/list-requests.ts';
import { findAdministrator, NOBODY_ADMINISTERS } from './administrators.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { directoryProblems } from './directory-file.ts';
import { type GiveWay, takeTurns } from './give-way.ts';
import { unanswerableStep } from './reviewers.ts';

/** What putting a policy set in force would do. */
export interface Validation {
  readonly digest: string;
  /** Why it would be refused; empty when it would not. All else is only looked at when the files can be loaded. */
  readonly problems: readonly Problem[];
  /** Live grants whose workflow would let nobody in any more. */
  readonly ending: Found<Grant>;
  /** Those of them that would go on, because their workflow says so. */
  readonly kept: Found<Grant>;
  /** Pending items that nobody could answer any more, or that could only be denied. */
  readonly unanswerable: Found<Stuck>;
  /** One who could administer. */
  readonly administrator: EntityUid | undefined;
  /** Whether every live grant and every pending request was looked at. */
  readonly isWhole: boolean;
}

/** The first of them, and how many there are. */
export interface Found<T> {
  readonly first: readonly T[];
  readonly count: number;
}

export interface Stuck {
  readonly requestId: string;
  readonly item: RequestItem;
  /** The step that not enough people could fill; undefined when the workflow would not let the subject in. */
  readonly step: string | undefined;
}

/** How long it looks at grants and requests altogether; a set is loaded before. */
const LOOK_MS = 10_000;
/** How many of each kind are named. */
const NAMED = 200;
/** People who are examined for one item at most. */
const EXAMINED = 2_000;
const PAGE = 200;
/** Nobody else is to wait for it. */
const TURN = { sliceMs: 5, restMs: 5 } as const;

/** Examines a policy set against the directory, the live grants and the pending requests of now. Changes nothing; gives way. */
export async function validatePolicies(
  context: GrantContext,
  files: PolicyFiles,
  signal: AbortSignal,
): Promise<Validation> {
  const { replica, askedBefore } = context.followed;
  const digest = digestOf(files);
  const loaded = await loadPolicies(files, { askedBefore: askedBefore() });
  if (!loaded.ok) return refused(digest, loaded.problems);
  signal.throwIfAborted();
  const { policies } = loaded;
  const unfit = directoryProblems(policies.schema, replica.directory, new Set());
  const rules: Rules = {
    engine: createEngine(policies),
    directory: replica.directory,
    get generation() {
      return replica.generation;
    },
  };
  const now = clockOfReads(context);
  const administrator = await findAdministrator(rules, now, signal);
  const uid = administrator.kind === 'found' ? administrator.uid : undefined;
  const nobody = administrator.kind === 'nobody' ? [NOBODY_ADMINISTERS] : [];
  const problems = [...unfit, ...nobody].map(asProblem);
  const look: Look = {
    context,
    rules,
    now,
    signal,
    untilMs: performance.now() + LOOK_MS,
    giveWay: takeTurns(TURN),
  };
  const grants = await lookAtGrants(look);
  const requests = await lookAtRequests(look);
  const isWhole = grants.isWhole && requests.isWhole;
  const { ending, kept } = grants;
  return { digest, problems, ending, kept, unanswerable: requests.stuck, administrator: uid, isWhole };
}

interface Look {
  readonly context: GrantContext;
  /** As they would be. */
  readonly rules: Rules;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly untilMs: number;
  readonly giveWay: GiveWay;
}

async function lookAtGrants({ context, rules, now, signal, untilMs, giveWay }: Look) {
  const { replica } = context.followed;
  const ending = collect<Grant>();
  const kept = collect<Grant>();
  for (const grant of replica.grants.all()) {
    await giveWay(signal);
    if (performance.now() > untilMs) return { ending, kept, isWhole: false };
    if (grant.expiresAt <= now || letIn(rules, grant) !== 'out') continue;
    (standing(rules, grant) === 'out' ? ending : kept).add(grant);
  }
  return { ending, kept, isWhole: true };
}

async function lookAtRequests(look: Look) {
  const { context, signal, untilMs } = look;
  const stuck = collect<Stuck>();
  let isWhole = true;
  let before: bigint | undefined;
  for (;;) {
    signal.throwIfAborted();
    const pending = { party: undefined, states: ['PENDING'], now: look.now } as const;
    const { rows, isLast } = await listRequests(context.database, pending, { before, size: PAGE });
    for (const { request } of rows) {
      for (const item of pendingItems(request, look.now)) {
        if (performance.now() > untilMs) return { stuck, isWhole: false };
        const found = await lookAtItem(look, request, item);
        if (found.stuck !== undefined) stuck.add(found.stuck);
        isWhole &&= found.isWhole;
      }
    }
    if (isLast) return { stuck, isWhole };
    before = rows.at(-1)?.position;
  }
}

/** What would keep an item from being approved that does not keep it from it now. */
async function lookAtItem(
  { context, rules, now, signal, giveWay }: Look,
  request: AccessRequest,
  item: RequestItem,
): Promise<{ readonly stuck?: Stuck; readonly isWhole: boolean }> {
  await giveWay(signal);
  const { replica } = context.followed;
  const of = { requestId: request.id, item };
  if (!isLetIn(rules, request, item, now)) {
    const wasIn = isLetIn(replica, request, item, now);
    return wasIn ? { stuck: { ...of, step: undefined }, isWhole: true } : { isWhole: true };
  }
  const then = { now, signal, budget: { left: EXAMINED } };
  const step = await unanswerableStep(rules, request, item, then);
  if (step === undefined) return { isWhole: then.budget.left > 0 };
  const today = { now, signal, budget: { left: EXAMINED } };
  const already = await unanswerableStep(replica, request, item, today);
  return already === undefined ? { stuck: { ...of, step }, isWhole: true } : { isWhole: true };
}

function collect<T>() {
  const first: T[] = [];
  let count = 0;
  return {
    first,
    get count() {
      return count;
    },
    add(one: T): void {
      count += 1;
      if (first.length < NAMED) first.push(one);
    },
  };
}

function refused(digest: string, problems: readonly Problem[]): Validation {
  const none = { first: [], count: 0 };
  return {
    digest,
    problems,
    ending: none,
    kept: none,
    unanswerable: none,
    administrator: undefined,
    isWhole: false,
  };
}

/** What is no fault of one line. */
function asProblem(message: string): Problem {
  return { file: SCHEMA_FILE, line: 1, column: 1, message };
}
