import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCurfew } from '../../../clients/sdk/index.ts';
import { startPostgres } from '../../../deploy/local/postgres.ts';
import { migrate } from '../../../services/migrate/migrate.ts';
import { findFreePorts } from '../../chaos/free-ports.ts';
import { startService } from '../../chaos/service-process.ts';
import { createIssuer } from '../../support/issuer.ts';
import { ROLE_PASSWORDS } from '../../support/postgres-server.ts';
import { type BulkGrant, insertGrants } from './bulk-grants.ts';
import type { Company } from './company.ts';
import { writeCurfewPolicies } from './curfew-policies.ts';

/** Postgres, a grant service and a decision service, as users run them. */
export interface CurfewServices extends AsyncDisposable {
  /** Of the decision service's gRPC. */
  readonly address: string;
  /** The application's, which may ask about anybody. */
  readonly token: string;
  readonly decisionPid: () => number | undefined;
  /** Of the grant service's gRPC. */
  readonly grantAddress: string;
  /** Of the administrator. */
  readonly adminToken: string;
  /** The policies in force, watched by the grant service. */
  readonly policyFolder: string;
  /** From the start of the decision service until it said that it is ready. */
  readonly readyMs: number;
}

export interface CurfewOptions {
  readonly company: Company;
  readonly grants: readonly BulkGrant[];
  /** Of the decision service, besides what it needs. */
  readonly env?: Readonly<Record<string, string>>;
}

const START_MS = 120_000;
const LOG_CHARACTERS = 2_000;

export async function startCurfew({ company, grants, env = {} }: CurfewOptions): Promise<CurfewServices> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'curfew-bench-'));
  opened.defer(() => rm(directory, { recursive: true }));
  const { folder } = opened.use(await writeCurfewPolicies(company));
  const postgres = await startPostgres({ directory: join(directory, 'postgres'), durable: false });
  opened.defer(() => postgres.stop());
  await migrate({ ownerUrl: postgres.url, passwords: ROLE_PASSWORDS });
  const issuers = opened.use(await createIssuer());
  const { issuer } = issuers;
  const ports = await findFreePorts(4);
  const start = (service: 'grant' | 'decision', own: Readonly<Record<string, string>>) => {
    const [port = 0, httpPort = 0] = ports.splice(0, 2);
    const upper = service.toUpperCase();
    const url = new URL(postgres.url);
    url.username = `curfew_${service}`;
    url.password = ROLE_PASSWORDS[service];
    const process = startService({
      name: service,
      service,
      logPath: join(directory, `${service}.log`),
      env: {
        CURFEW_OIDC_ISSUER: issuer.issuer,
        CURFEW_OIDC_JWKS: issuer.keys.kind === 'file' ? issuer.keys.path : '',
        CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
        CURFEW_DATABASE_URL: url.href,
        [`CURFEW_${upper}_LISTEN`]: `127.0.0.1:${port}`,
        [`CURFEW_${upper}_HTTP_LISTEN`]: `127.0.0.1:${httpPort}`,
        ...own,
      },
    });
    opened.defer(() => process.close());
    const logPath = join(directory, `${service}.log`);
    return { process, address: `127.0.0.1:${port}`, logPath, health: `http://127.0.0.1:${httpPort}/readyz` };
  };
  const grant = start('grant', { CURFEW_POLICIES: folder });
  await ready(grant);
  await insertGrants(postgres.url, grants);
  const startedMs = performance.now();
  const decision = start('decision', env);
  await ready(decision);
  const readyMs = performance.now() - startedMs;
  const application = await issuers.token('Service', 'application');
  await hasAll(decision.address, application, grants.length);
  const adminToken = await issuers.token('User', 'root');
  const rest = opened.move();
  return {
    address: decision.address,
    token: application,
    decisionPid: decision.process.pid,
    grantAddress: grant.address,
    adminToken,
    policyFolder: folder,
    readyMs,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

async function ready({
  health,
  logPath,
}: {
  readonly health: string;
  readonly logPath: string;
}): Promise<void> {
  const untilMs = performance.now() + START_MS;
  while ((await fetch(health).catch(() => undefined))?.status !== 200) {
    if (performance.now() > untilMs) {
      const log = await readFile(logPath, 'utf8');
      throw new Error(`not ready after ${START_MS} ms:\n${log.slice(-LOG_CHARACTERS)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function hasAll(decisionAddress: string, token: string, grants: number): Promise<void> {
  const curfew = createCurfew({ decisionAddress, token });
  try {
    const { liveGrants } = await curfew.services.decision.getStatus({});
    if (liveGrants !== BigInt(grants)) throw new Error(`${liveGrants} live grants, wanted ${grants}`);
  } finally {
    curfew.close();
  }
}
