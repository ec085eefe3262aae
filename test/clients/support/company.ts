import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { onTestFinished } from 'vitest';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { DirectoryService } from '../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import {
  type AccessRequestSchema,
  type GrantSchema,
  GrantAction,
  GrantState,
  RequestAction,
  RequestState,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { type LockSchema, LockService } from '../../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { LedgerService } from '../../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { type AnsweringServer, startAnsweringServer } from './answering-server.ts';
import { type Run, runCurfew, runHere, type RunOptions } from './run-curfew.ts';

export const requestId = '0b1f2a53-7c57-4a5e-9c0e-2f4f35f5d0a1';
export const lockId = '5a3c1f0e-9b7d-4c58-8a11-2f6f0c9d7e21';
export const grantId = '7d0c9a11-2a52-4f0c-8f37-6f1c1d2e3f40';
export const ada = { type: 'User', id: 'ada' };
export const grace = { type: 'User', id: 'grace' };
export const orders = { type: 'Database', id: 'orders' };
export const read = { type: 'Action', id: 'read' };

/** A Curfew whose answers are given, and the command line pointed at it. */
export interface Company {
  readonly server: AnsweringServer;
  readonly env: Readonly<Record<string, string>>;
  /** In a process of its own. */
  readonly curfew: (args: readonly string[], options?: RunOptions) => Promise<Run>;
  /** In this process. */
  readonly here: (args: readonly string[], options?: RunOptions) => Promise<Run>;
  /** What a method was called with, in order. */
  readonly asked: (method: string) => readonly unknown[];
}

/** Starts one for the test that is running; the caller is ada. */
export async function startCompany(): Promise<Company> {
  const server = await startAnsweringServer({
    services: [DecisionService, GrantService, DirectoryService, LedgerService, LockService],
  });
  onTestFinished(() => server.close());
  server.answer(DirectoryService, {
    getEntity: () => ({ entity: { uid: ada, parents: [{ type: 'Group', id: 'eng' }] } }),
  });
  const env = {
    CURFEW_DECISION_ADDRESS: server.address,
    CURFEW_GRANT_ADDRESS: server.address,
    CURFEW_TOKEN: 'ada.token',
  };
  return {
    server,
    env,
    curfew: (args, options = {}) => runCurfew(args, { ...options, env: { ...env, ...options.env } }),
    here: (args, options = {}) => runHere(args, { ...options, env: { ...env, ...options.env } }),
    asked: (method) => server.received.filter((call) => call.method === method).map(({ request }) => request),
  };
}

export function secondsFromNow(seconds: number): ReturnType<typeof timestampFromDate> {
  return timestampFromDate(new Date(Date.now() + seconds * 1_000));
}

/** ada's request to read orders, pending unless said. */
export function accessRequest(
  changes: MessageInitShape<typeof AccessRequestSchema> = {},
): MessageInitShape<typeof AccessRequestSchema> {
  const state = changes.state ?? RequestState.PENDING;
  const isApproved = state === RequestState.APPROVED;
  const message = {
    id: requestId,
    requester: ada,
    subject: ada,
    state,
    reason: 'look at a stuck order',
    duration: { seconds: 20n },
    createdAt: secondsFromNow(-5),
    expiresAt: secondsFromNow(3_600),
    requestHash: new Uint8Array(32).fill(7),
    allowedActions:
      state === RequestState.PENDING ? [RequestAction.WITHDRAW, RequestAction.REMIND_REVIEWERS] : [],
    items: [
      {
        resource: orders,
        actions: [read],
        workflow: {
          id: 'prod-reads',
          title: 'Read production databases',
          steps: [{ name: 'owner', seats: 1 }],
        },
        state,
        steps: [{ name: 'owner', seats: 1, filledBy: isApproved ? [grace] : [] }],
        grantId: isApproved ? grantId : '',
      },
    ],
    ...changes,
  };
  return message as MessageInitShape<typeof AccessRequestSchema>; // a part of one on top of one
}

/** The grant that came of it. */
export function grant(
  changes: MessageInitShape<typeof GrantSchema> = {},
): MessageInitShape<typeof GrantSchema> {
  const message = {
    id: grantId,
    requestId,
    subject: ada,
    actions: [read],
    resource: orders,
    workflow: 'prod-reads',
    state: GrantState.ACTIVE,
    startsAt: secondsFromNow(-1),
    expiresAt: secondsFromNow(19.9),
    mayRelease: true,
    allowedActions: [GrantAction.RELEASE],
    ...changes,
  };
  return message as MessageInitShape<typeof GrantSchema>; // likewise
}

/** A lock on ada that grace may lift. */
export function lock(changes: MessageInitShape<typeof LockSchema> = {}): MessageInitShape<typeof LockSchema> {
  const message = {
    id: lockId,
    entity: ada,
    reason: 'her laptop was stolen',
    createdBy: grace,
    createdAt: secondsFromNow(-5),
    holds: true,
    mayLift: true,
    ...changes,
  };
  return message as MessageInitShape<typeof LockSchema>; // likewise
}

/** A whole ALLOW or DENY. */
export function decision(effect: Effect): {
  effect: Effect;
  decisionId: string;
  revision: bigint;
  decidedAt: object;
} {
  return {
    effect,
    decisionId: '6f9b4a52-9a0e-4a43-8d0e-0d6f3b8f6c11',
    revision: 12n,
    decidedAt: secondsFromNow(0),
  };
}
