import { PgBoss } from 'pg-boss';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { bossTerms } from '../../../core/store/job-schema.ts';
import { migratedDatabase } from './database.ts';

test('P2 the rights of the grant role are enough for all the upkeep of the jobs', {
  timeout: 120_000,
}, async () => {
  const { urlOf, open } = await migratedDatabase();
  const boss = new PgBoss({
    ...bossTerms(urlOf('grant'), 'curfew-test'),
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    maintenanceIntervalSeconds: 1,
    flowIntervalSeconds: 1,
    cronMonitorIntervalSeconds: 1,
    cronWorkerIntervalSeconds: 1,
  });
  const errors: Error[] = [];
  boss.on('error', (error) => errors.push(error));
  await boss.start();
  onTestFinished(() => boss.stop({ graceful: false }));
  await boss.schedule('lapses', '* * * * *');
  const outcomes = ['complete', 'fail', 'cancel', 'deleteJob'] as const;
  for (const outcome of outcomes) {
    const id = await boss.send('lapses');
    await boss.fetch('lapses');
    await boss.touch('lapses', id ?? '');
    await boss[outcome]('lapses', id ?? '');
    await boss.deleteAllJobs('lapses');
  }
  const owner = open('owner');
  // Each kind of upkeep writes down when it was last done.
  await expect
    .poll(
      async () => {
        const { rows } = await sql`
          SELECT FROM pgboss.queue, pgboss.version
          WHERE monitor_on IS NULL OR maintain_on IS NULL OR cron_on IS NULL OR flow_on IS NULL`.execute(
          owner,
        );
        return rows;
      },
      { timeout: 30_000 },
    )
    .toEqual([]);
  await boss.supervise();
  expect(errors).toEqual([]);
});
