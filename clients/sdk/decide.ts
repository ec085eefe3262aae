import { randomUUID } from 'node:crypto';
import {
  type AuthorizeResponse,
  type DecisionService,
  Effect,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { AccessDenied } from './access-denied.ts';
import { CurfewError } from './curfew-error.ts';
import { type Decision, toDecision, toDecisions } from './decision.ts';
import type { Ask, Limits } from './edge/edge-cache.ts';
import type { Edge } from './edge/open-edge.ts';
import type { CallOptions } from './patience.ts';
import { type Question, toAuthorizeRequest } from './question.ts';
import type { ServiceClient } from './service-client.ts';

/** The ways to ask for decisions. None can be set up to take anything but an explicit ALLOW for a permission. */
export interface Decisions {
  /** Answers one question. Never throws and never rejects: what goes wrong is the effect `error`. */
  authorize(question: Question, options?: CallOptions): Promise<Decision>;
  /** Answers up to 500 questions at one instant and one revision, in order. Never throws and never rejects. */
  authorizeAll(questions: readonly Question[], options?: CallOptions): Promise<readonly Decision[]>;
  /** Whether the answer is ALLOW. False for a deny and for everything that goes wrong; nothing can be set to change that. */
  isAllowed(question: Question, options?: CallOptions): Promise<boolean>;
  /**
   * Returns the answer when it is ALLOW, and only then. A deny is asked a second time, within the same time limit, for how to get
   * access, unless the question says itself whether to `explain`.
   *
   * @throws AccessDenied when the answer is DENY, CurfewError when there is none: both are no access
   */
  enforce(question: Question, options?: CallOptions): Promise<AuthorizeResponse>;
}

export interface DecisionOptions {
  /** For calls that do not say. */
  readonly timeoutMs: number;
  /** Told of every decision that ended in an error. */
  readonly onError: ((error: CurfewError) => void) | undefined;
  /** Keeps answers; undefined = each question goes to the service. */
  readonly edge?: Pick<Edge, 'cache' | 'start'> | undefined;
}

type Service = ServiceClient<typeof DecisionService>;

/** Decisions of a service. */
export function createDecisions(service: Service, options: DecisionOptions): Decisions {
  const { timeoutMs: usualTimeoutMs, onError, edge } = options;

  function limit(call: CallOptions | undefined): Limits {
    return { ...call, timeoutMs: call?.timeoutMs ?? usualTimeoutMs };
  }

  function told(decision: Decision): Decision {
    if (decision.effect === 'error') tell(onError, decision.error);
    return decision;
  }

  const ask: Ask = async (question, limits) =>
    toDecision(await service.authorize(toAuthorizeRequest(nameUse(question)), limits));

  async function authorize(question: Question, call?: CallOptions): Promise<Decision> {
    return edge?.cache.find(question, call) ?? (await askService(question, call));
  }

  async function askService(question: Question, call: CallOptions | undefined): Promise<Decision> {
    edge?.start();
    const outcome = await settle(limit(call), (limits) =>
      edge === undefined ? ask(question, limits) : edge.cache.ask(question, limits, ask),
    );
    return told(outcome instanceof CurfewError ? { effect: 'error', error: outcome } : outcome);
  }

  return {
    authorize,
    async authorizeAll(questions, call) {
      const outcome = await settle(limit(call), async (limited) => {
        const requests = questions.map((question) => toAuthorizeRequest(nameUse(question)));
        const { results } = await service.batchAuthorize({ requests }, limited);
        return toDecisions(results, questions.length);
      });
      if (!(outcome instanceof CurfewError)) return outcome.map(told);
      return questions.map(() => told({ effect: 'error', error: outcome }));
    },
    isAllowed: async (question, call) => {
      const decision = edge?.cache.find(question, call) ?? (await askService(question, call));
      return decision.effect === 'allow';
    },
    async enforce(question, call) {
      const limits = limit(call);
      const startedAt = performance.now();
      const decision = await authorize(question, call);
      if (decision.effect === 'allow') return decision.answer;
      if (decision.effect === 'error') throw decision.error;
      const left = { ...limits, timeoutMs: limits.timeoutMs - (performance.now() - startedAt) };
      throw new AccessDenied(question, await explain(service, question, decision.answer, left));
    },
  };
}

/** A question that is sent twice because a connection broke is one use of a metered grant. */
function nameUse(question: Question): Question {
  return question.useId === undefined ? { ...question, useId: randomUUID() } : question;
}

/** Every path to a decision goes through here, so that none throws. */
async function settle<T>(call: Limits, ask: (call: Limits) => Promise<T>): Promise<T | CurfewError> {
  const startedAt = performance.now();
  try {
    const answer = await ask(call);
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs <= call.timeoutMs) return answer;
    // A process that stood still reads the answer of another time.
    const description = `answered after ${Math.round(elapsedMs)} ms, wanted ${call.timeoutMs}`;
    return new CurfewError('DEADLINE_EXCEEDED', description);
  } catch (error) {
    return CurfewError.from(error);
  }
}

/**
 * The deny with the ways to get access. It is asked for apart from the decision: an explanation uses nothing of a metered grant, so it
 * could not decide, and not everybody who may ask may have it explained. Without an explanation the deny stands as it is.
 */
async function explain(
  service: Service,
  question: Question,
  denied: AuthorizeResponse,
  limits: CallOptions,
): Promise<AuthorizeResponse> {
  if (question.explain !== undefined) return denied;
  try {
    const request = toAuthorizeRequest({ ...question, explain: true, dryRun: true });
    const { effect, accessOptions } = await service.authorize(request, limits);
    return effect === Effect.DENY ? { ...denied, accessOptions } : denied;
  } catch {
    return denied; // it is no worse a deny for lack of an explanation
  }
}

/** A listener that throws is no reason to leave a caller without a decision; its owner sees it as a warning of the process. */
function tell(onError: DecisionOptions['onError'], error: CurfewError): void {
  try {
    onError?.(error);
  } catch (fault) {
    process.emitWarning(`the onError of Curfew's client failed: ${String(fault)}`);
  }
}
