import pg from 'pg';
import type { Role } from '../../core/store/migrate.ts';

export const TEMPLATE = 'curfew_template';

/** Roles belong to the whole server: a test that runs migrate there uses these too. */
export const ROLE_PASSWORDS: Readonly<Record<Role, string>> = {
  grant: 'grant-password',
  decision: 'decision-password',
  notify: 'notify-password',
};

/** Runs one statement as the owner, outside any transaction. */
export async function onServer(ownerUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export function urlOfDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
