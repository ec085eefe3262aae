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
import { untilServing } from '../../support/until-serving.ts';
import { type BulkGrant, insertGrants, insertUsers } from './bulk-grants.ts';
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
  /** Starts one more process of a service. */
  begin(service: 'grant' | 'decision'): Promise<Begun>;
}

/** A process that has just said that it is ready. */
export interface Begun extends AsyncDisposable {
  readonly readyMs: number;
  readonly pid: number | undefined;
}

export interface CurfewOptions {
  readonly company: Company;
  readonly grants: readonly BulkGrant[];
  /** So many users beside the company's own. */
  readonly strangers?: number;
  /** Of the decision service, besides what it needs. */
  readonly env?: Readonly<Record<string, string>>;
}

const START_MS = 120_000;
const LOG_CHARACTERS = 2_000;

export async function startCurfew({
  company,
  grants,
  strangers = 0,
  env = {},
}: CurfewOptions): Promise<CurfewServices> {
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
    const logPath = join(directory, `${service}.log`);
    const url = new URL(postgres.url);
    url.username = `curfew_${service}`;
    url.password = ROLE_PASSWORDS[service];
    const process = startService({
      name: service,
      service,
      logPath,
      hasOwnClock: false,
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
    return { process, address: `127.0.0.1:${port}`, logPath, health: `http://127.0.0.1:${httpPort}/readyz` };
  };
  const grant = start('grant', { CURFEW_POLICIES: folder });
  opened.defer(() => grant.process.close());
  await ready(grant);
  await insertUsers(postgres.url, strangers);
  await insertGrants(postgres.url, grants);
  const startedMs = performance.now();
  const decision = start('decision', env);
  opened.defer(() => decision.process.close());
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
    async begin(service) {
      ports.push(...(await findFreePorts(2)));
      const beganMs = performance.now();
      const begun = start(service, service === 'grant' ? { CURFEW_JOBS: 'off' } : {});
      await ready(begun);
      return {
        readyMs: performance.now() - beganMs,
        pid: begun.process.pid(),
        [Symbol.asyncDispose]: () => begun.process.close(),
      };
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

interface Started {
  readonly health: string;
  readonly logPath: string;
}

async function ready({ health, logPath }: Started): Promise<void> {
  const untilMs = performance.now() + START_MS;
  await untilServing(health, async () =>
    performance.now() < untilMs ? undefined : (await readFile(logPath, 'utf8')).slice(-LOG_CHARACTERS),
  );
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
