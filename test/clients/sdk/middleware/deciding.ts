import { onTestFinished } from 'vitest';
import { createCurfew, type Curfew, type Question } from '../../../../clients/sdk/index.ts';
import { AccessError } from '../../../../core/access/access-error.ts';
import {
  type AuthorizeRequest,
  DecisionService,
  Effect,
} from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startAnsweringServer } from '../../support/answering-server.ts';

/** A client of a decision service for which "orders" is permitted, "stale" cannot be decided and everything else is denied. */
export async function startDeciding(): Promise<Curfew> {
  const server = await startAnsweringServer({ services: [DecisionService] });
  server.answer(DecisionService, { authorize: decide });
  const curfew = createCurfew({ decisionAddress: server.address, authorizeTimeoutMs: 5_000 });
  onTestFinished(() => {
    curfew.close();
    server.close();
  });
  return curfew;
}

/** A client whose decision service is not there. */
export function startUndecided(): Curfew {
  const curfew = createCurfew({ decisionAddress: '127.0.0.1:1', authorizeTimeoutMs: 5_000 });
  onTestFinished(() => curfew.close());
  return curfew;
}

/** Ada's question about one database. */
export function readQuestion(id: string): Question {
  return {
    principal: { type: 'User', id: 'ada' },
    action: 'read',
    resource: { type: 'Database', id },
  };
}

/** What a client is told about "secrets". */
export const denied = {
  decisionId: 'd1',
  advice: ['sign in with MFA'],
  workflow: 'prod-reads',
  command: "curfew request read Database::secrets --workflow prod-reads --reason 'say why'",
};

/** The whole body of a 403 about "secrets". */
export const deniedProblem = {
  status: 403,
  type: 'urn:curfew:access-denied',
  title: 'Access denied',
  detail: `sign in with MFA. Access can be requested: ${denied.command}`,
  advice: denied.advice,
  accessOptions: [
    {
      workflow: 'prod-reads',
      title: 'Read production databases',
      steps: ['owner'],
      maxDuration: '14400s',
      defaultDuration: '3600s',
    },
  ],
  command: denied.command,
  decisionId: 'd1',
};

/** What fails to make a question; a framework could take some of these for a word to go on. */
export const notMade: readonly unknown[] = [new Error('no session'), undefined, null, 'route', 'router', 0];

function decide({ resource, explain }: AuthorizeRequest) {
  const id = resource?.id;
  if (id === 'stale') throw new AccessError('STALE', 'the ledger was last read 5 s ago');
  const decided = { decisionId: 'd1', decidedAt: { seconds: 1n, nanos: 0 }, policyIds: ['inner-policy'] };
  if (id === 'orders') return { ...decided, effect: Effect.ALLOW };
  const option = {
    workflow: denied.workflow,
    title: 'Read production databases',
    steps: ['owner'],
    maxDuration: { seconds: 14_400n },
    defaultDuration: { seconds: 3_600n },
  };
  return {
    ...decided,
    effect: Effect.DENY,
    advice: [...denied.advice],
    accessOptions: explain ? [option] : [],
  };
}
