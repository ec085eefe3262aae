import { connect } from '../../core/store/connect.ts';
import {
  ensureRoles,
  migrateSchema,
  type Role,
  type RoleTerms,
  SCHEMA_VERSION,
} from '../../core/store/migrate.ts';

export interface MigrateOptions {
  /** Signs in with the rights to create roles and tables. */
  readonly ownerUrl: string;
  /** What the services sign in with. */
  readonly roles: Readonly<Record<Role, RoleTerms>>;
}

export interface Migrated {
  readonly applied: readonly string[];
  readonly version: number;
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
    await ensureRoles(owner, options.roles);
    const applied = await migrateSchema(owner);
    return { applied, version: SCHEMA_VERSION };
  } finally {
    await owner.destroy();
  }
}
