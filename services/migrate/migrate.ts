import { connect } from '../../core/store/connect.ts';
import { ensureJobSchema } from '../../core/store/job-schema.ts';
import { ensureRoles, migrateSchema, type Role, SCHEMA_VERSION } from '../../core/store/migrate.ts';
import { startNewEpoch } from '../../core/store/new-epoch.ts';

export interface MigrateOptions {
  /** Signs in with the rights to create roles and tables. */
  readonly ownerUrl: string;
  /** The passwords that the services sign in with. */
  readonly passwords: Readonly<Record<Role, string>>;
  /** How many sessions each of their roles may have at once; unlimited unless said. */
  readonly connections?: Readonly<Partial<Record<Role, number>>>;
  /** Whether the database was restored from a backup: it becomes a history of its own, without the grants that were live then. */
  readonly isNewEpoch?: boolean;
}

export interface Migrated {
  readonly applied: readonly string[];
  readonly version: number;
  /** Grants that a new epoch ended; 0 without one. */
  readonly endedGrants: number;
}

/** Creates roles and schema, or brings them up to date. Safe to run again, and by several at once. */
export async function migrate(options: MigrateOptions): Promise<Migrated> {
  const owner = connect({
    url: options.ownerUrl,
    name: 'curfew-migrate',
    poolSize: 2,
    statementTimeoutMs: 60_000,
    onConnectionLost: () => undefined,
  });
  try {
    await ensureRoles(owner, options.passwords, options.connections);
    const applied = await migrateSchema(owner);
    await ensureJobSchema(owner, options.ownerUrl);
    const endedGrants = options.isNewEpoch === true ? await startNewEpoch(owner) : 0;
    return { applied, version: SCHEMA_VERSION, endedGrants };
  } finally {
    await owner.destroy();
  }
}
