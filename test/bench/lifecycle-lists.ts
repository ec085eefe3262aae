import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { sql } from 'kysely';
import { connect, type Database } from '../../core/store/connect.ts';
import { RequestState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GrantService,
  ListAccessRequestsRequestSchema,
  ListAccessRequestsResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import type { Cluster } from '../chaos/cluster.ts';
import {
  DATABASES,
  databaseOf,
  MANAGER,
  MEMBER,
  OWNER_OF_MANY,
  ownerOf,
  PEOPLE,
  person,
} from './lifecycle-company.ts';
import { openLean, type Outcome } from './generator/lean-connection.ts';
import { summarize } from './summary.ts';

const REQUESTS = 1_000_000;
/** Of a page, unless said. */
const PAGE = 50;
/** Of each list, after as many that are not counted. */
const CALLS = 400;
const WANTED_MS = 50;
/** Nobody else asks for it. */
const RARE = 7;
/** The database is of a few GB, and Postgres' own default is for one of a few MB. */
const SHARED_BUFFERS = '1GB';

/** The first page of what somebody has to review, and of other lists, among a million pending requests. */
export async function lists(cluster: Cluster): Promise<void> {
  await enlarge(cluster);
  await fill(cluster);
  console.log(
    `first page of ${PAGE} of ${REQUESTS} pending requests; ${PEOPLE} people, ${DATABASES} databases; one call at a time over a socket, ${CALLS} counted after as many that are not; shared_buffers ${SHARED_BUFFERS}`,
  );
  const review = { toReview: true };
  await measure(cluster, ['one of 3,000 in a group', MEMBER, review]);
  await measure(cluster, ['owner of one database', ownerOf(8), review]);
  await measure(cluster, ['owner of 1,500', OWNER_OF_MANY, review]);
  await measure(cluster, ['few among them', ownerOf(RARE), review]);
  await measure(cluster, ['manager of ten', MANAGER, review]);
  await measure(cluster, ['nothing to review', person(9_999), review]);
  await measure(cluster, ['mine', person(5_000), { mine: true }]);
  await measure(cluster, ['mine, denied', person(5_000), { mine: true, states: [RequestState.DENIED] }]);
  await measure(cluster, ['all denied', 'bruce', { states: [RequestState.DENIED] }]);
  await measure(cluster, ['all pending', 'bruce', { states: [RequestState.PENDING] }]);
}

type Query = MessageInitShape<typeof ListAccessRequestsRequestSchema>;

const { listAccessRequests: LIST } = GrantService.method;
const PATH = `/${GrantService.typeName}/${LIST.name}`;

/** By a client that takes the answers as they come and decodes the last: what collects its own garbage waits longer than the service. */
async function measure(
  cluster: Cluster,
  [name, who, query]: readonly [name: string, who: string, query: Query],
): Promise<void> {
  const connection = await openLean({ path: PATH, ...(await cluster.passOf(who, 0)) });
  const message = toBinary(ListAccessRequestsRequestSchema, create(ListAccessRequestsRequestSchema, query));
  const call = async (): Promise<Buffer> => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    connection.ask(message, resolve);
    const outcome = await promise;
    if (outcome.kind === 'failure') throw new Error(outcome.why);
    return outcome.message;
  };
  const tookMs: number[] = [];
  let answer: Buffer = Buffer.alloc(0);
  for (let calls = 0; calls < 2 * CALLS; calls += 1) {
    const startedMs = performance.now();
    answer = await call();
    if (calls >= CALLS) tookMs.push(performance.now() - startedMs);
  }
  connection.close();
  const { requests, nextPageToken } = fromBinary(ListAccessRequestsResponseSchema, answer);
  const isShort = requests.length < PAGE && nextPageToken !== '';
  console.log(
    `${summarize(name.padEnd(24), tookMs)}  ${requests.length} found${isShort ? ' (short page)' : ''}`,
  );
  if (isShort || (tookMs.toSorted((a, b) => a - b)[Math.floor(CALLS * 0.99)] ?? 0) > WANTED_MS)
    process.exitCode = 1;
}

function ownerOfDatabase(cluster: Cluster): Database {
  return connect({
    url: cluster.postgres.url,
    name: 'curfew-bench',
    poolSize: 1,
    statementTimeoutMs: 600_000,
    onConnectionLost: () => undefined, // what it does fails then
  });
}

/** Gives Postgres the memory that whoever runs one of this size gives it. */
async function enlarge(cluster: Cluster): Promise<void> {
  const owner = ownerOfDatabase(cluster);
  await sql`ALTER SYSTEM SET shared_buffers = ${sql.lit(SHARED_BUFFERS)}`.execute(owner);
  await owner.destroy();
  await cluster.postgres.stop();
  await cluster.postgres.start();
  await settle(cluster);
}

/** Copies of one request of each kind, spread over people and databases; written by the owner, past the ledger. */
async function fill(cluster: Cluster): Promise<void> {
  const write = await ask(cluster, { actions: ['read', 'write'], ticket: 'CHG-1', database: 1 });
  const read = await ask(cluster, { actions: ['read'], ticket: '', database: 1 });
  const personal = await ask(cluster, { actions: ['read'], ticket: '', database: 10 });
  await ask(cluster, { actions: ['read'], ticket: '', database: RARE });
  const startedMs = performance.now();
  const owner = ownerOfDatabase(cluster);
  try {
    await copies(owner, { id: write, count: 0.6 * REQUESTS, kind: 'internal' });
    await copies(owner, { id: read, count: 0.3 * REQUESTS, kind: 'internal' });
    await copies(owner, { id: personal, count: 0.1 * REQUESTS, kind: 'pii' });
    await deny(owner);
    await sql`VACUUM ANALYZE`.execute(owner);
    // What was written for this is not to be written out while it is measured.
    await sql`CHECKPOINT`.execute(owner);
  } finally {
    await owner.destroy();
  }
  console.log(`${REQUESTS} requests written in ${Math.round((performance.now() - startedMs) / 1_000)} s`);
}

async function ask(
  cluster: Cluster,
  {
    actions,
    ticket,
    database,
  }: { readonly actions: readonly string[]; readonly ticket: string; readonly database: number },
): Promise<string> {
  const { request } = await cluster.as(person(9_998), 0).grants.requestAccess({
    items: [{ resource: databaseOf(database), actions: actions.map((id) => ({ id })) }],
    reason: 'bench',
    ticket,
  });
  return request?.id ?? '';
}

interface Copies {
  readonly id: string;
  readonly count: number;
  readonly kind: 'internal' | 'pii';
}

/** Every tenth database has personal data; that of nobody else's interest is left out. */
async function copies(owner: Database, { id, count, kind }: Copies): Promise<void> {
  const remainder = kind === 'pii' ? sql`0` : sql`1 + n / ${DATABASES / 10} % 9`;
  await sql`
    WITH place AS (
      SELECT gen_random_uuid() AS id, n % ${PEOPLE} AS person, (n % ${DATABASES / 10}) * 10 + ${remainder} AS database
      FROM generate_series(1, ${count}::int) AS n
    ), spread AS (
      SELECT id, 'User::"p' || person || '"' AS person, 'Database::"d' || database || '"' AS resource
      FROM place WHERE database <> ${RARE}
    ), requests AS (
      INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at)
      SELECT spread.id, spread.person, spread.person, state, reason, ticket, duration_ms, request_hash, created_at,
        expires_at + interval '10 days'
      FROM access_requests AS one, spread WHERE one.id = ${id}
      RETURNING id, requester, position
    ), items AS (
      INSERT INTO request_items (request_id, item, resource, actions, workflow, state, expires_at, denied_because)
      SELECT spread.id, item, spread.resource, actions, workflow, state, expires_at + interval '10 days', denied_because
      FROM request_items AS one, spread WHERE one.request_id = ${id}
    )
    INSERT INTO open_steps (request_id, item, step, position, resource, resource_type, requester, subject, expires_at,
      after_ms, opens_at)
    SELECT requests.id, item, step, requests.position, spread.resource, resource_type, requests.requester, requests.requester,
      expires_at + interval '10 days', after_ms, opens_at
    FROM open_steps AS one, requests JOIN spread USING (id) WHERE one.request_id = ${id}`.execute(owner);
}

/** Some old ones have been decided. */
async function deny(owner: Database): Promise<void> {
  await sql`
    WITH denied AS (
      UPDATE access_requests SET state = 'DENIED', resolved_at = created_at WHERE position BETWEEN 5 AND 20000 RETURNING id
    ), items AS (
      UPDATE request_items SET state = 'DENIED', resolved_at = created_at FROM denied, access_requests
      WHERE request_items.request_id = denied.id AND access_requests.id = denied.id
    )
    DELETE FROM open_steps USING denied WHERE request_id = denied.id`.execute(owner);
}
