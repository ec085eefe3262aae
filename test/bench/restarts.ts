import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createCurfew, type Question } from '../../clients/sdk/index.ts';
import { type Deployment, startDeployment } from './deployment.ts';
import { describeLoad, startLoad } from './load.ts';
import { summarize } from './summary.ts';
import { untilServing } from '../support/until-serving.ts';

const RESTARTS = 20;
const LANES = 8;
const QUESTION: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};
const MAIN = fileURLToPath(new URL('../../services/decision/main.ts', import.meta.url));

/** Restarts two decision services in turn under calls of a client that knows both. */
export async function restarts(): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const deployment = opened.use(await startDeployment());
  const replicas = await Promise.all([prepare(deployment), prepare(deployment)]);
  for (const replica of replicas) opened.defer(async () => void (await replica.stop()));
  await Promise.all(replicas.map((replica) => replica.start()));
  const token = await deployment.issuer.token('User', 'ada');
  const curfew = createCurfew({
    decisionAddress: replicas.map(({ address }) => address),
    token,
    // What is counted is failures, not slowness of a busy machine.
    authorizeTimeoutMs: 5_000,
  });
  opened.defer(() => curfew.close());
  const load = startLoad(LANES, async () => {
    const decision = await curfew.authorize(QUESTION);
    return decision.effect === 'error' ? decision.error.message : undefined;
  });
  const goneMs: number[] = [];
  const unclean: string[] = [];
  for (let round = 0; round < RESTARTS; round += 1) {
    const replica = replicas[round % replicas.length] ?? fail('no replica');
    const stoppedAt = performance.now();
    const exit = await replica.stop();
    goneMs.push(performance.now() - stoppedAt);
    if (exit !== 'exit 0') unclean.push(`round ${round}: ${exit}`);
    await replica.start();
  }
  await load.stop();
  console.log(`${RESTARTS} restarts of two decision services in turn, under ${LANES} lanes of calls`);
  console.log(summarize('SIGTERM → gone', goneMs));
  console.log(`exits that were not clean: ${unclean.length} ${unclean.join(', ')}`);
  console.log(describeLoad(load));
  if (load.failures.size + unclean.length > 0) process.exitCode = 1;
}

/** A decision service in a process of its own, always at the same address. */
interface Replica {
  readonly address: string;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Resolves to how it ended, once it is gone. */
  stop(): Promise<string>;
}

async function prepare({ decisionUrl, issuer }: Deployment): Promise<Replica> {
  const [port, httpPort] = await Promise.all([freePort(), freePort()]);
  const address = `127.0.0.1:${port}`;
  const { keys } = issuer.issuer;
  const env = {
    ...process.env,
    CURFEW_DATABASE_URL: decisionUrl,
    CURFEW_DECISION_LISTEN: address,
    CURFEW_DECISION_HTTP_LISTEN: `127.0.0.1:${httpPort}`,
    CURFEW_OIDC_ISSUER: issuer.issuer.issuer,
    CURFEW_OIDC_JWKS: keys.kind === 'file' ? keys.path : keys.url.href,
    CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
    CURFEW_LOG_LEVEL: 'error',
  };
  let child: ChildProcess | undefined;
  return {
    address,
    async start() {
      const started = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'inherit', 'inherit'] });
      child = started;
      await untilServing(`http://127.0.0.1:${httpPort}/readyz`, async () =>
        started.exitCode === null ? undefined : `it ended with ${started.exitCode}`,
      );
    },
    async stop() {
      if (child === undefined || child.exitCode !== null) return 'gone already';
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const [code, signal] = (await ended) as [number | null, string | null]; // as Node documents it
      return signal ?? `exit ${code}`;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  await once(server.close(), 'close');
  return bound !== null && typeof bound === 'object' ? bound.port : fail('no port');
}

function fail(message: string): never {
  throw new Error(message);
}
