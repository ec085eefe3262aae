import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { listenForAppends } from '../../../core/store/doorbell.ts';
import { transition } from '../../../core/store/transition.ts';
import { migratedDatabase } from './database.ts';
import { withdrawn } from './ledger-events.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { patiently } from './patiently.ts';

test('the bell rings for what others append', async () => {
  const { open, urlOf } = await migratedDatabase();
  const bell = listen(urlOf('decision'));
  await bell.nextRing();
  const rung = bell.nextRing();
  await append(open('grant'));
  await rung;
  expect(bell.rings()).toBe(2);
});

test('P5 a flood of bells, whoever rings them, is one at a time', async () => {
  const { open, urlOf } = await migratedDatabase();
  const bell = listen(urlOf('decision'));
  await bell.nextRing();
  const before = bell.rings();
  const rung = bell.nextRing();
  const flooder = open('notify', { poolSize: 1 });
  await sql`SELECT count(pg_notify('curfew_ledger', n::text)) FROM generate_series(1, 10000) AS n`.execute(
    flooder,
  );
  await rung;
  expect(bell.rings() - before).toBeLessThan(500);
});

test('a listener that is killed comes back and rings for what it missed', async () => {
  const { open, urlOf } = await migratedDatabase();
  const owner = open('owner');
  const bell = listen(urlOf('decision'));
  await bell.nextRing();
  const rung = bell.nextRing();
  await sql`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'curfew-doorbell'`.execute(
    owner,
  );
  await append(open('grant'));
  await rung;
  const again = bell.nextRing();
  await append(open('grant'));
  await again;
  expect(bell.rings()).toBeGreaterThanOrEqual(3);
});

test('a listener whose database is away listens when it is back', async () => {
  const { open, urlOf } = await migratedDatabase();
  const proxy = await tcpProxy(urlOf('decision'));
  await proxy.cut();
  const bell = listen(proxy.through(urlOf('decision')));
  await proxy.mend();
  await bell.nextRing();
  const again = bell.nextRing();
  await append(open('grant'));
  await again;
  expect(bell.rings()).toBe(2);
});

test('a closed listener leaves no connection behind, even one that hangs', async () => {
  const { open, urlOf } = await migratedDatabase();
  const proxy = await tcpProxy(urlOf('decision'));
  const bell = listen(proxy.through(urlOf('decision')));
  await bell.nextRing();
  proxy.hang();
  bell.close();
  await expect.poll(() => proxy.connections(), patiently).toBe(0);
  const other = listen(urlOf('decision'));
  await other.nextRing();
  other.close();
  await expect.poll(() => listeners(open('owner')), patiently).toBe(0);
});

interface HeardBell {
  readonly rings: () => number;
  /** Resolves when it rings next. */
  readonly nextRing: () => Promise<void>;
  readonly close: () => void;
}

function listen(url: string): HeardBell {
  let rings = 0;
  let waiting: (() => void)[] = [];
  const bell = listenForAppends(url, () => {
    rings += 1;
    for (const resolve of waiting) resolve();
    waiting = [];
  });
  onTestFinished(() => bell.close());
  return {
    rings: () => rings,
    nextRing: () => new Promise((resolve) => waiting.push(resolve)),
    close: () => bell.close(),
  };
}

async function append(grant: Database): Promise<void> {
  await transition(grant, 0n, async () => ({ events: [withdrawn(randomUUID())], result: undefined }));
}

async function listeners(owner: Database): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'curfew-doorbell'`.execute(owner);
  return rows[0]?.n ?? 0;
}
