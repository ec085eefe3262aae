import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger, type Logger } from '../../core/runtime/log.ts';
import { startPostgres } from '../../deploy/local/postgres.ts';
import { type GrantServer, startGrantService } from '../../services/grant/service.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { createIssuer, type TestIssuer } from '../support/issuer.ts';
import { onServer, ROLE_PASSWORDS, urlOfDatabase } from '../support/postgres-server.ts';

/** A database, a grant service that has put the example company in force, and an issuer; a bench adds decision services of its own. */
export interface Deployment extends AsyncDisposable {
  readonly decisionUrl: string;
  readonly grant: GrantServer;
  readonly issuer: TestIssuer;
  readonly logger: Logger;
}

const policyFolder = fileURLToPath(new URL('../../policies', import.meta.url));

export async function startDeployment(): Promise<Deployment> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'curfew-bench-'));
  opened.defer(() => rm(directory, { recursive: true }));
  const server = await startPostgres({ directory, durable: false });
  opened.defer(() => server.stop());
  await onServer(server.url, 'CREATE DATABASE curfew');
  const ownerUrl = urlOfDatabase(server.url, 'curfew');
  await migrate({ ownerUrl, passwords: ROLE_PASSWORDS });
  const issuer = opened.use(await createIssuer());
  const logger = createLogger('bench', 'error');
  const grant = await startGrantService({
    databaseUrl: urlOfRole(ownerUrl, 'grant'),
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [issuer.issuer],
    policyFolder,
    logger,
  });
  opened.defer(() => grant.close());
  const rest = opened.move();
  return {
    decisionUrl: urlOfRole(ownerUrl, 'decision'),
    grant,
    issuer,
    logger,
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function urlOfRole(ownerUrl: string, role: 'grant' | 'decision'): string {
  const url = new URL(ownerUrl);
  url.username = `curfew_${role}`;
  url.password = ROLE_PASSWORDS[role];
  return url.href;
}
