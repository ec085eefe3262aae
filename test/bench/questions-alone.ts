import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  Effect,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { settle } from '../chaos/calm.ts';
import { startCluster } from '../chaos/cluster.ts';
import { random } from '../chaos/random.ts';
import { cpuTimeMs } from './cpu-time.ts';
import { type Conditions, writeDomain } from './domain.ts';
import { grantAll } from './grants.ts';
import { inParallel } from './in-parallel.ts';
import { openRaw } from './raw-grpc.ts';
import { summarize } from './summary.ts';

const PEOPLE = 200;
const DATABASES = 100;
const HELD = 50;
const POLICIES = 20;
const AT_ONCE = 32;
const CONNECTIONS = 4;
const RUNS = 5;
const PATH = '/curfew.decision.v1.DecisionService/Authorize';

/** Distinct questions about live grants to one decision service, by a caller with a token; every answer is checked. */
export async function questionsAlone(): Promise<void> {
  await askWith('groups');
  await askWith('attributes');
}

async function askWith(conditions: Conditions): Promise<void> {
  await using domain = await writeDomain({
    people: PEOPLE,
    databases: DATABASES,
    policies: POLICIES,
    conditions,
  });
  await using cluster = await startCluster({ policies: domain.folder, isDirect: true });
  await settle(cluster);
  const [decision] = cluster.decisions;
  const ids = await grantAll(
    cluster,
    domain.people.map((person) => ({ person, databases: domain.databases.slice(0, HELD) })),
  );
  await untilLive(decision.ask, ids.size);
  const questions = shuffled(
    domain.people.flatMap((person) => domain.databases.map((database) => ({ person, database }))),
  ).map(({ person, database }) => ({
    grantId: ids.get(`${person} ${database}`) ?? '',
    bytes: toBinary(
      AuthorizeRequestSchema,
      create(AuthorizeRequestSchema, {
        principal: { type: 'User', id: person },
        action: { id: 'read' },
        resource: { type: 'Database', id: database },
      }),
    ),
  }));
  console.log(
    `${questions.length} distinct questions in random order, half of them by one of ${ids.size} live grants, ${POLICIES} policies for access, half of them with conditions on ${conditions}; ` +
      `${AT_ONCE} at once on ${CONNECTIONS} connections, load generator on the same machine, every answer checked`,
  );
  const raw = openRaw(decision.address, cluster.token, CONNECTIONS);
  for (let round = 0; round <= RUNS; round += 1) {
    const tookMs: number[] = [];
    let wrong = 0;
    const cpuMs = await cpuTimeMs(decision.process.pid());
    const startedMs = performance.now();
    await inParallel(AT_ONCE, questions, async ({ bytes, grantId }) => {
      const sentMs = performance.now();
      const answer = fromBinary(AuthorizeResponseSchema, await raw.call(PATH, bytes));
      tookMs.push(performance.now() - sentMs);
      const wanted = grantId === '' ? Effect.DENY : Effect.ALLOW;
      if (answer.effect !== wanted || answer.grantId !== grantId) wrong += 1;
    });
    const perSecond = (questions.length * 1_000) / (performance.now() - startedMs);
    const cpuUs = (((await cpuTimeMs(decision.process.pid())) - cpuMs) * 1_000) / questions.length;
    const name = round === 0 ? 'warm-up' : `run ${round}`;
    console.log(
      `${summarize(name, tookMs)}  ${Math.round(perSecond)} per second  ${Math.round(cpuUs)} µs of CPU each  ${wrong} wrong`,
    );
    if (wrong > 0) process.exitCode = 1;
  }
  raw.close();
}

interface Asks {
  getStatus(request: object): Promise<{ readonly liveGrants: bigint }>;
}

async function untilLive(ask: Asks, count: number): Promise<void> {
  while ((await ask.getStatus({})).liveGrants < BigInt(count));
}

function shuffled<T>(values: readonly T[]): readonly T[] {
  const order = random(1);
  return values
    .map((value) => ({ value, at: order.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
