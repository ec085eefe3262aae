import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../deploy/local/postgres.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { onServer, ROLE_PASSWORDS, TEMPLATE, urlOfDatabase } from './postgres-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The owner's way into the run's Postgres. */
    postgresUrl: string;
  }
}

/** Starts the run's own Postgres, with a migrated database to copy; thrown away at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'curfew-test-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(directory, { recursive: true }));
  const server = await startPostgres({ directory, durable: false });
  cleanup.defer(() => server.stop());
  await onServer(server.url, `CREATE DATABASE ${TEMPLATE}`);
  await migrate({ ownerUrl: urlOfDatabase(server.url, TEMPLATE), passwords: ROLE_PASSWORDS });
  // Nobody can connect any more, which would keep others from copying it.
  await onServer(server.url, `ALTER DATABASE ${TEMPLATE} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  project.provide('postgresUrl', server.url);
  const kept = cleanup.move();
  return () => kept.disposeAsync();
}
