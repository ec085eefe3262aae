import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { createCurfew, type Curfew, type Question } from '../../clients/sdk/index.ts';
import { startDecisionService } from '../../services/decision/service.ts';
import { createTestAuthority } from '../core/rpc/test-certificates.ts';
import { startDeployment } from './deployment.ts';
import { describeLoad, startLoad } from './load.ts';
import { summarize } from './summary.ts';

const SWAPS = 100;
const LANES = 8;
const LOOK_MS = 50;
const QUESTION: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};

/** Changes the decision service's certificate again and again under calls of the SDK, on open and on new connections: none may fail. */
export async function certificates(): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const { decisionUrl, grant, issuer, logger } = opened.use(await startDeployment());
  const folder = await mkdtemp(join(tmpdir(), 'curfew-bench-tls-'));
  opened.defer(() => rm(folder, { recursive: true }));
  const authority = await createTestAuthority();
  opened.defer(() => authority.remove());
  const ca = await readFile(authority.caPath);
  const certPath = join(folder, 'cert.pem');
  const keyPath = join(folder, 'key.pem');

  /** Key and certificate one after the other, so that looks in between see a pair that does not fit. */
  async function swap(name: string): Promise<void> {
    const files = await authority.issue(name, 'DNS:localhost,IP:127.0.0.1');
    await copyFile(files.keyPath, keyPath);
    await copyFile(files.certPath, certPath);
  }

  await swap('c0');
  const decision = await startDecisionService({
    databaseUrl: decisionUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [issuer.issuer],
    tls: { certPath, keyPath, lookMs: LOOK_MS },
    staleStandingMs: 60_000,
    logger: logger.child({}, { level: 'fatal' }), // pairs that do not fit are part of the exercise
  });
  opened.defer(() => decision.close());
  await decision.followed.follower.waitFor(grant.context.followed.replica.revision, 10_000);
  const address = `localhost:${decision.port}`;
  const token = await issuer.token('User', 'ada');
  const open = (): Curfew =>
    createCurfew({
      decisionAddress: address,
      grantAddress: address,
      token,
      tls: { ca },
      authorizeTimeoutMs: 5_000,
    });

  const lasting = open();
  opened.defer(() => lasting.close());
  const onOpen = startLoad(LANES, () => ask(lasting));
  const onNew = startLoad(1, async () => {
    const fresh = open();
    const failure = await ask(fresh);
    fresh.close();
    return failure;
  });
  const inUseMs: number[] = [];
  for (let round = 1; round <= SWAPS; round += 1) {
    const name = `c${round}`;
    await swap(name);
    const swappedAt = performance.now();
    while ((await servedName(decision.port, ca)) !== name) await delay(5);
    inUseMs.push(performance.now() - swappedAt);
  }
  await Promise.all([onOpen.stop(), onNew.stop()]);
  console.log(`${SWAPS} certificates, looked at every ${LOOK_MS} ms, under ${LANES} lanes of SDK calls`);
  console.log(summarize('written → in use', inUseMs));
  console.log(`on one connection:  ${describeLoad(onOpen)}`);
  console.log(`each on a new one:  ${describeLoad(onNew)}`);
  if (onOpen.failures.size + onNew.failures.size > 0) process.exitCode = 1;
}

async function ask(curfew: Curfew): Promise<string | undefined> {
  const decision = await curfew.authorize(QUESTION);
  return decision.effect === 'error' ? `${decision.error.code}: ${decision.error.message}` : undefined;
}

/** The common name of the certificate that a new connection gets. */
async function servedName(port: number, ca: Buffer): Promise<string> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['h2'] });
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}
