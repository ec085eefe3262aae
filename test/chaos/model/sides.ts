import { createNoopMeter } from '@opentelemetry/api';
import { pino } from 'pino';
import { type Followed, follow } from '../../../core/replica/follow.ts';
import { connect, type Database } from '../../../core/store/connect.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { FirstRevisions } from '../../../services/grant/first-revisions.ts';
import { countGrantWork } from '../../../services/grant/grant-counts.ts';
import { watchPolicies } from '../../../services/grant/watch-policies.ts';
import type { TestDatabase } from '../../support/postgres.ts';

/** What the use cases of both services work with, and nothing that works by itself: a life says when what a service does in the background is done. */
export interface Sides extends AsyncDisposable {
  readonly grant: GrantContext;
  readonly decision: Followed;
}

const POOL = { poolSize: 10, statementTimeoutMs: 10_000 } as const;

/** Opens both sides of a database and puts the policy folder in force. */
export async function openSides({ grantUrl, decisionUrl }: TestDatabase, folder: string): Promise<Sides> {
  await using opened = new AsyncDisposableStack();
  // What they would say is that the clock was moved.
  const log = pino({ level: 'silent' });
  const connectTo = (name: string): Database => {
    const onConnectionLost = (err: Error): void => log.warn({ err }, 'a database connection was lost');
    const database = connect({ url: grantUrl, name, ...POOL, onConnectionLost });
    opened.defer(() => database.destroy());
    return database;
  };
  const followAt = (databaseUrl: string, name: string): Followed => {
    const followed = follow({ databaseUrl, name, log });
    opened.defer(() => followed.close());
    return followed;
  };
  const followed = followAt(grantUrl, 'model-grant-feed');
  const context: GrantContext = {
    database: connectTo('model-grant'),
    revokeDatabase: connectTo('model-grant-revoke'),
    followed,
    counts: countGrantWork(createNoopMeter()),
    firstRevisions: new FirstRevisions(),
  };
  await followed.follower.waitFor(0n, 10_000);
  const watch = await watchPolicies({ context, folder, log });
  await watch.close();
  const decision = followAt(decisionUrl, 'model-decision-feed');
  await decision.follower.waitFor(followed.replica.revision, 10_000);
  const rest = opened.move();
  return { grant: context, decision, [Symbol.asyncDispose]: () => rest.disposeAsync() };
}
