import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AccessDenied, createCurfew, type Curfew, type Question } from '../../../clients/sdk/index.ts';
import { AccessError } from '../../../core/access/access-error.ts';
import {
  type AuthorizeRequest,
  DecisionService,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { type AnsweringServer, startAnsweringServer } from '../support/answering-server.ts';

const question: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};
const decided = { decisionId: 'd1', decidedAt: { seconds: 1n, nanos: 0 } };
const option = { workflow: 'prod-reads', title: 'Read production databases', steps: ['owner'] };

let server: AnsweringServer;
let curfew: Curfew;
beforeEach(async () => {
  server = await startAnsweringServer({ services: [DecisionService] });
  curfew = createCurfew({ decisionAddress: server.address, authorizeTimeoutMs: 5_000 });
});
afterEach(() => {
  curfew.close();
  server.close();
});

function answer(effect: Effect, accessOptions = [option]): void {
  server.answer(DecisionService, {
    authorize: ({ explain }) => ({
      ...decided,
      effect,
      advice: effect === Effect.DENY ? ['sign in with MFA'] : [],
      accessOptions: explain ? accessOptions : [],
    }),
  });
}

async function deniedWith(asked: Question): Promise<AccessDenied> {
  const error: unknown = await curfew.enforce(asked).catch((thrown: unknown) => thrown);
  if (error instanceof AccessDenied) return error;
  throw new Error('wanted AccessDenied', { cause: error });
}

function sent(): readonly AuthorizeRequest[] {
  return server.received.map(({ request }) => request as AuthorizeRequest); // the only method served
}

test('an ALLOW is the answer, asked for once', async () => {
  answer(Effect.ALLOW);
  expect(await curfew.enforce(question)).toMatchObject({ decisionId: 'd1' });
  expect(sent()).toMatchObject([{ explain: false, dryRun: false }]);
});

describe('a deny', () => {
  test('says why, and the command that requests access', async () => {
    answer(Effect.DENY);
    const denied = await deniedWith(question);
    expect(denied).toMatchObject({ decisionId: 'd1', advice: ['sign in with MFA'], accessOptions: [option] });
    expect(denied.message).toBe(
      'User::"ada" may not read Database::"orders"; sign in with MFA; access can be requested: ' +
        "curfew request read Database::orders --workflow prod-reads --reason 'say why' (decision d1)",
    );
  });

  test('is explained apart from the decision, in a rehearsal that uses nothing', async () => {
    answer(Effect.DENY);
    await deniedWith(question);
    expect(sent()).toMatchObject([
      { explain: false, dryRun: false },
      { explain: true, dryRun: true },
    ]);
  });

  test.each([true, false])('is asked for once when the question says explain: %s', async (explain) => {
    answer(Effect.DENY);
    await deniedWith({ ...question, explain });
    expect(sent()).toMatchObject([{ explain, dryRun: false }]);
  });

  test('stands when it cannot be explained, and names the command that finds out', async () => {
    server.answer(DecisionService, {
      authorize: ({ explain }) => {
        if (explain) throw new AccessError('NOT_PERMITTED', 'you may not have it explained');
        return { ...decided, effect: Effect.DENY };
      },
    });
    expect((await deniedWith(question)).message).toBe(
      'User::"ada" may not read Database::"orders"; how to get access: curfew can read Database::orders (decision d1)',
    );
  });

  test('stands when access begins while it is explained', async () => {
    server.answer(DecisionService, {
      authorize: ({ explain }) => ({ ...decided, effect: explain ? Effect.ALLOW : Effect.DENY }),
    });
    expect(await deniedWith(question)).toMatchObject({ decisionId: 'd1', accessOptions: [] });
  });
});

test('no answer is told to onError and thrown', async () => {
  const told: unknown[] = [];
  const listening = createCurfew({
    decisionAddress: server.address,
    authorizeTimeoutMs: 5_000,
    onError: (error) => told.push(error),
  });
  server.answer(DecisionService, {
    authorize: () => {
      throw new AccessError('STALE', 'the ledger was last read 5 s ago');
    },
  });
  const error: unknown = await listening.enforce(question).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'CurfewError', reason: 'STALE' });
  expect(told).toEqual([error]);
  listening.close();
});
