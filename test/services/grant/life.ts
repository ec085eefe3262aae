import { randomUUID } from 'node:crypto';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { CurfewError } from '../../../clients/sdk/index.ts';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { Grant } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { Stack } from '../../support/stack.ts';
import { action, database, grantIdOf, submitted, vote, type Wish } from './ask.ts';

export const person = (id: string) => ({ type: 'User', id });

export async function grantsAs(stack: Stack, who: string, type = 'User') {
  return (await stack.as(who, type)).services.grants;
}

/** The grant as its subject ada sees it. */
export async function grantOf(stack: Stack, id: string, who = 'ada'): Promise<Grant> {
  const { grant } = await (await grantsAs(stack, who)).getGrant({ id });
  if (grant === undefined) throw new Error('no grant in the answer');
  return grant;
}

/** Has ada granted what she asks for, with bob's approval where one is needed. */
export async function granted(stack: Stack, resource: string, wish: Wish = {}): Promise<string> {
  const request = await submitted(stack, 'ada', { resource: database(resource), ...wish });
  const isDone = request.items.every((item) => item.grantId !== '');
  return grantIdOf(isDone ? request : (await vote(stack, 'bob', request)).request);
}

export interface Asked {
  readonly resource: string;
  readonly useId?: string;
  readonly revision?: bigint;
  readonly dryRun?: boolean;
  readonly action?: string;
}

/** What robot is told when it asks whether ada may read: the effect, or the reason why there is no answer. */
export async function decided(stack: Stack, asked: Asked): Promise<string> {
  try {
    const robot = await stack.as('robot', 'Service');
    const answer = await robot.services.decision.authorize({
      principal: person('ada'),
      action: action(asked.action ?? 'read'),
      resource: database(asked.resource),
      useId: asked.useId ?? randomUUID(),
      atLeastRevision: asked.revision ?? 0n,
      dryRun: asked.dryRun ?? false,
    });
    return answer.effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
  } catch (error) {
    if (error instanceof CurfewError) return error.reason ?? error.code;
    throw error;
  }
}

export function instant(timestamp: Timestamp | undefined): Date {
  if (timestamp === undefined) throw new Error('there is no instant');
  return timestampDate(timestamp);
}

/** Resolves to what it comes to once that is fit; the test's own timeout bounds it. */
export async function until<T>(ask: () => Promise<T>, isFit: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isFit(answer)) return answer;
  }
}

/** The kinds of events of a grant, in order. */
export async function kindsOf(stack: Stack, grantId: string): Promise<readonly string[]> {
  const rows = await stack.query<{ kind: string }>(
    'SELECT kind FROM ledger WHERE grant_id = $1 ORDER BY revision',
    [grantId],
  );
  return rows.map(({ kind }) => kind);
}
