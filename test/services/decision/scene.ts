import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { vi } from 'vitest';
import type { Entity, EntityUid } from '../../../core/access/entity.ts';
import { type LedgerEvent, SYSTEM_ACTOR } from '../../../core/access/event.ts';
import type { MachineClock } from '../../../core/feed/database-clock.ts';
import { digestOf, type PolicyFiles } from '../../../core/policy/files.ts';
import { toProtoEntity, toProtoValue } from '../../../core/rpc/values.ts';
import { createLogger, type Logger } from '../../../core/runtime/log.ts';
import { connect, type Database } from '../../../core/store/connect.ts';
import { deleteEntities, writeEntities } from '../../../core/store/entities.ts';
import { say } from '../../../services/grant/said-entity.ts';
import { writePolicySet } from '../../../core/store/policy-sets.ts';
import { transition, type Trx } from '../../../core/store/transition.ts';
import {
  type AuthorizeResponse,
  DecisionService,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { STALENESS_BOUND_MS } from '../../../services/decision/limits.ts';
import { type DecisionServer, startDecisionService } from '../../../services/decision/service.ts';
import { connect as connectClient, type TestClient } from '../../core/rpc/test-client.ts';
import { createIssuer, type TestIssuer } from '../../support/issuer.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';
import { applied, type Asked, type GrantTerms, questionOf, started } from './local-decision.ts';
import { directory } from './people.ts';
import { policyFiles } from './policy-files.ts';

interface Credentials {
  readonly token: string;
}

/** A decision service on real Postgres, and the pen that writes its ledger. */
export interface Scene extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly issuer: TestIssuer;
  readonly service: DecisionServer;
  readonly client: TestClient;
  /** The database as the grant service has it. */
  readonly store: Database;
  options(caller: EntityUid): Promise<Credentials>;
  /** Appends events, with what `work` writes beside them. @returns the revision of the last */
  append(events: readonly LedgerEvent[], work?: (trx: Trx) => Promise<void>): Promise<bigint>;
  activate(files: PolicyFiles): Promise<bigint>;
  put(entities: readonly Entity[]): Promise<bigint>;
  remove(uids: readonly EntityUid[]): Promise<bigint>;
  start(terms: GrantTerms): Promise<{ readonly grantId: string; readonly revision: bigint }>;
  end(grantId: string): Promise<bigint>;
  authorize(asked: Asked): Promise<AuthorizeResponse>;
  /** Keeps every poll from an answer until the returned function is called. */
  silence(): Promise<() => Promise<void>>;
}

export interface SceneOptions {
  readonly machine?: MachineClock;
  readonly staleStandingMs?: number;
  readonly files?: PolicyFiles;
  readonly logger?: Logger;
  /** On another server than the run's. */
  readonly database?: TestDatabase;
}

/** All is known: what these tests write is decided on no basis. */
const ANY_BASIS = 2n ** 63n - 1n;

export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(options.database ?? (await createDatabase()));
  const issuer = opened.use(await createIssuer());
  const store = open(database.grantUrl);
  opened.defer(() => store.destroy());
  const pen = penOf(store);
  await pen.activate(options.files ?? (await policyFiles()));
  const revision = await pen.put(directory);
  const { machine } = options;
  const service = await startDecisionService({
    databaseUrl: database.decisionUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [issuer.issuer],
    logger: options.logger ?? createLogger('test', 'silent'),
    staleStandingMs: options.staleStandingMs ?? 60_000,
    ...(machine === undefined ? {} : { machine }),
  });
  opened.defer(() => service.close());
  await caughtUp(service, revision);
  const client = connectClient(service.port);
  opened.defer(() => client.close());
  const tokens = new Map<string, Promise<string>>();
  const callOptions = async ({ type, id }: EntityUid): Promise<Credentials> => {
    const token = tokens.get(`${type} ${id}`) ?? issuer.token(type, id);
    tokens.set(`${type} ${id}`, token);
    return { token: await token };
  };
  const owner = open(database.ownerUrl);
  opened.defer(() => owner.destroy());
  const rest = opened.move();
  return {
    database,
    issuer,
    service,
    client,
    store,
    options: callOptions,
    ...pen,
    authorize: async ({ caller, ...asked }) =>
      client.unary(
        DecisionService.method.authorize,
        wireQuestion(asked),
        await callOptions(caller ?? asked.principal),
      ),
    silence: () => silence(owner),
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** Until a poll was answered: with a snapshot alone nothing is permitted yet. */
async function caughtUp({ followed }: DecisionServer, revision: bigint): Promise<void> {
  await vi.waitUntil(
    () => {
      const { revision: reached } = followed.follower;
      return reached !== undefined && reached >= revision && followed.clock.ageMs() < STALENESS_BOUND_MS;
    },
    { timeout: 25_000 },
  );
}

type Pen = Pick<Scene, 'append' | 'activate' | 'put' | 'remove' | 'start' | 'end'>;

function penOf(store: Database): Pen {
  const append: Pen['append'] = async (events, work) => {
    const { revision } = await transition(store, ANY_BASIS, async (trx) => {
      await work?.(trx);
      return { events, result: undefined };
    });
    return revision;
  };
  const now = (): Date => new Date();
  const of = () => ({ at: now(), actor: SYSTEM_ACTOR });
  return {
    append,
    activate: (files) => {
      const digest = digestOf(files);
      return append([{ kind: 'POLICY_ACTIVATED', ...of(), digest }], (trx) =>
        writePolicySet(trx, digest, files),
      );
    },
    put: (entities) => append([applied(entities, now())], (trx) => writeEntities(trx, entities.map(say))),
    remove: (uids) =>
      append([{ kind: 'ENTITIES_DELETED', ...of(), uids }], (trx) => deleteEntities(trx, uids, now())),
    start: async (terms) => {
      const event = started(terms, now());
      return { grantId: event.grantId, revision: await append([event]) };
    },
    end: (grantId) =>
      append([
        {
          kind: 'GRANT_ENDED',
          ...of(),
          requestId: randomUUID(),
          grantId,
          endReason: 'REVOKED',
          endedAt: now(),
        },
      ]),
  };
}

/** The question as its message. */
export function wireQuestion(asked: Parameters<typeof questionOf>[0]) {
  const { principal, action, resource, context, entities, atLeastRevision, explain, useId } =
    questionOf(asked);
  return {
    principal,
    action,
    resource,
    context: Object.fromEntries(Array.from(context, ([name, value]) => [name, toProtoValue(value)])),
    entities: entities.map(toProtoEntity),
    atLeastRevision,
    explain,
    useId,
  };
}

/** Polls read the head, which a lock keeps from them. */
async function silence(owner: Database): Promise<() => Promise<void>> {
  const locked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const held = owner.transaction().execute(async (trx) => {
    await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(trx);
    await sql`LOCK TABLE ledger_head IN ACCESS EXCLUSIVE MODE`.execute(trx);
    locked.resolve();
    await release.promise;
  });
  await Promise.race([locked.promise, held]);
  return async () => {
    release.resolve();
    await held;
  };
}

function open(url: string): Database {
  return connect({
    url,
    name: 'test',
    poolSize: 4,
    statementTimeoutMs: 30_000,
    onConnectionLost: () => undefined,
  });
}
