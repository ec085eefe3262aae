import { sql } from 'kysely';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

/** How full the database's queue of notifications is, from 0 to 1. Full, it fails every transaction that notifies. @throws AccessError */
export async function readNotificationQueueUsage(database: Database): Promise<number> {
  const { rows } = await guarded(() =>
    sql<{ usage: number }>`SELECT pg_notification_queue_usage() AS usage`.execute(database),
  );
  return rows[0]?.usage ?? 0;
}
