import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { createCurfew, type Curfew, extension } from '../../../clients/sdk/index.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { createTestAuthority } from '../../core/rpc/test-certificates.ts';
import { connect } from '../../core/rpc/test-client.ts';
import { createEmptyDatabase } from '../../support/postgres.ts';
import { environmentOf, type MainProcess, patient, readiness, runMain } from './main-process.ts';
import { person, vault } from './people.ts';
import { createScene, type Scene } from './scene.ts';

let scene: Scene;
let workers: Workers;
const opened = new AsyncDisposableStack();

beforeAll(async () => {
  scene = opened.use(await createScene());
  workers = await runTwo({ CURFEW_DRAIN: '20s' }, (kill) => opened.defer(kill));
});
afterAll(async () => {
  await opened.disposeAsync();
});

interface Workers extends MainProcess {
  readonly port: number;
  readonly httpPort: number;
}

/** Two workers that serve. */
async function runTwo(
  changes: Readonly<Record<string, string>>,
  atEnd?: (kill: () => void) => void,
): Promise<Workers> {
  const main = runMain(environmentOf(scene, { CURFEW_DECISION_WORKERS: '2', ...changes }), atEnd);
  const { port = 0, httpPort = 0 } = await main.listening;
  const two = { ...main, port, httpPort };
  await vi.waitUntil(async () => (await sample(two, 'curfew_workers')) === 2, patient);
  return two;
}

/** The figure of that name with its labels on the metrics page; undefined when there is none. */
async function sample({ httpPort }: Workers, name: string): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(' ')[1]);
}

/** Of the worker's last start. */
function pidOf({ lines }: MainProcess, worker: number): number {
  const line = lines.findLast((each) => each.msg === `worker ${worker} takes connections`);
  if (line === undefined) throw new Error(`worker ${worker} has not said that it takes connections`);
  return line.pid;
}

/** The processes of the workers that are still there. */
function alive(main: MainProcess): readonly number[] {
  return [1, 2].map((worker) => pidOf(main, worker)).filter(isAlive);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Asks for the status on a connection of its own. */
async function askOnce(port: number, channel?: ChannelCredentials): Promise<void> {
  const client = connect(port, channel);
  onTestFinished(() => client.close());
  await client.unary(DecisionService.method.getStatus, {}, await scene.options(person('kim')));
}

async function openCurfew(port: number): Promise<Curfew> {
  const { token } = await scene.options(person('kim'));
  const curfew = createCurfew({ decisionAddress: `127.0.0.1:${port}`, token, authorizeTimeoutMs: 10_000 });
  onTestFinished(() => curfew.close());
  return curfew;
}

/** What went wrong with one call; undefined when nothing did. */
async function failureOf(curfew: Curfew): Promise<string | undefined> {
  const decision = await curfew.authorize({
    principal: person('kim'),
    action: 'open',
    resource: vault('plain'),
    context: { mfa: true, weight: 1n, from: extension('ip', '10.1.2.3') },
  });
  return decision.effect === 'error' ? decision.error.message : undefined;
}

const answered = (worker: string, method: string): string =>
  `curfew_rpc_calls_total{worker="${worker}",rpc="curfew.decision.v1.DecisionService/${method}",code="OK"}`;

/** Asks until each worker has a connection of the client's and has answered on it. */
async function untilBothAnswer(curfew: Curfew): Promise<void> {
  const ofBoth = async () =>
    await Promise.all(['1', '2'].map((worker) => sample(workers, answered(worker, 'Authorize'))));
  const before = await ofBoth();
  for (let now = before; now.some((calls, index) => calls === before[index]); now = await ofBoth())
    expect(await failureOf(curfew)).toBeUndefined();
}

it('connections are shared evenly by the workers of one port, whose metrics stand on one page', async () => {
  for (let call = 0; call < 6; call += 1) await askOnce(workers.port);
  for (const worker of ['1', '2']) expect(await sample(workers, answered(worker, 'GetStatus'))).toBe(3);
});

it('calls go on when a worker is killed, and it is started again', async () => {
  const curfew = await openCurfew(workers.port);
  await untilBothAnswer(curfew);
  const killed = pidOf(workers, 1);
  process.kill(killed, 'SIGKILL');
  const outcomes = new Set<string | undefined>();
  while (pidOf(workers, 1) === killed) outcomes.add(await failureOf(curfew));
  expect([...outcomes]).toEqual([undefined]);
  await expect.poll(() => sample(workers, 'curfew_workers'), patient).toBe(2);
  // One that finds no database in time while it starts is started again as well.
  const ends = workers.lines.filter(({ msg }) => msg.includes('is started again')).length;
  expect(ends).toBeGreaterThan(0);
  expect(await sample(workers, 'curfew_worker_restarts_total')).toBe(ends);
});

it('a worker that stands still is given no connections while another answers', async () => {
  const still = pidOf(workers, 1);
  process.kill(still, 'SIGSTOP');
  onTestFinished(() => void process.kill(still, 'SIGCONT'));
  await expect.poll(() => sample(workers, 'curfew_workers'), patient).toBe(1);
  for (let call = 0; call < 3; call += 1) await askOnce(workers.port);
  await readiness(workers.httpPort, 200);
});

it('on SIGTERM none is ready any more, and all still answer until the wait is over', async () => {
  await expect.poll(() => sample(workers, 'curfew_workers'), patient).toBe(2);
  const curfew = await openCurfew(workers.port);
  workers.child.kill('SIGTERM');
  await readiness(workers.httpPort, 503);
  await expect.poll(() => sample(workers, 'curfew_workers'), patient).toBe(0);
  for (let call = 0; call < 4; call += 1) expect(await failureOf(curfew)).toBeUndefined();
});

it('workers end when their supervisor is killed', async () => {
  workers.child.kill('SIGKILL');
  await workers.exited;
  await expect.poll(() => alive(workers), patient).toEqual([]);
});

it('workers take connections over TLS, and end with 0 on SIGTERM', async () => {
  await using made = new AsyncDisposableStack();
  const authority = await createTestAuthority();
  made.defer(() => authority.remove());
  const { certPath, keyPath } = await authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  const secure = await runTwo({ CURFEW_TLS_CERT: certPath, CURFEW_TLS_KEY: keyPath });
  await askOnce(secure.port, credentials.createSsl(await readFile(authority.caPath)));
  secure.child.kill('SIGTERM');
  expect(await secure.exited).toEqual([0, null]);
  expect(alive(secure)).toEqual([]);
});

it('workers that cannot start end it all with 1, and say why', async () => {
  await using database = await createEmptyDatabase();
  const { exited, lines } = runMain(
    environmentOf(scene, { CURFEW_DECISION_WORKERS: '2', CURFEW_DATABASE_URL: database.decisionUrl }),
  );
  expect(await exited).toEqual([1, null]);
  expect(lines.some(({ msg }) => /run migrate first/.test(msg))).toBe(true);
  expect(lines.some(({ msg }) => /ended \(exit code 1\) before it took a connection/.test(msg))).toBe(true);
});

it('a port that is taken ends it all with 1, and is named', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const bound = taken.address();
  const address = `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
  const { exited, lines } = runMain(
    environmentOf(scene, { CURFEW_DECISION_WORKERS: '2', CURFEW_DECISION_LISTEN: address }),
  );
  expect(await exited).toEqual([1, null]);
  expect(lines.filter(({ msg }) => msg.startsWith(`cannot listen on ${address}`))).toHaveLength(1);
});
