import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CurfewError } from '../../clients/sdk/index.ts';
import { startPostgres } from '../../deploy/local/postgres.ts';
import { createDatabaseOn } from '../support/postgres.ts';
import { MAY_MOUNT, mountSmallDisk } from '../support/small-disk.ts';
import { LIFE, type Stack, startStack } from '../support/stack.ts';
import { database, submit } from './grant/ask.ts';
import { decided, granted, grantOf, grantsAs } from './grant/life.ts';

/** A cluster and its first write-ahead log take some 80 MB. */
const DISK_MB = 192;
const WANTED_REFUSALS = 5;
const MOST_WRITES = 2_000;

/** Asks for access until that was refused a few times. @returns why */
async function writeUntilRefused(stack: Stack): Promise<readonly string[]> {
  const reasons: string[] = [];
  for (let writes = 0; reasons.length < WANTED_REFUSALS && writes < MOST_WRITES; writes += 1) {
    const wish = { resource: database('plain-2'), reason: `${writes} ${'why '.repeat(400)}` };
    const refused = await refusalOf(submit(stack, 'ada', wish));
    if (refused !== undefined) reasons.push(refused);
  }
  return reasons;
}

/** Why the call was refused; undefined when it was not. */
async function refusalOf(call: Promise<unknown>): Promise<string | undefined> {
  return await call.then(
    () => undefined,
    (error: unknown) => (error instanceof CurfewError ? (error.reason ?? error.code) : String(error)),
  );
}

it.runIf(MAY_MOUNT)(
  'P7 when the disk of the database is full, writing is refused with one clear error, decisions go on to be right, and with room everything works again',
  { timeout: 120_000 },
  async () => {
    await using disk = await mountSmallDisk(DISK_MB);
    const directory = join(disk.directory, 'postgres');
    const said: string[] = [];
    const postgres = await startPostgres({ directory, log: (line) => said.push(line) });
    await using ending = new AsyncDisposableStack();
    ending.defer(postgres.stop);
    await using stack = await startStack({
      policies: LIFE,
      database: await createDatabaseOn(postgres.url),
      hasJobs: true,
    });
    const id = await granted(stack, 'plain-1', { seconds: 3_600 });
    const { revision: granting } = await grantOf(stack, id);
    expect(await decided(stack, { resource: 'plain-1', revision: granting })).toBe('ALLOW');

    const makeRoom = await disk.fill();
    expect(new Set(await writeUntilRefused(stack))).toEqual(new Set(['DATABASE_UNAVAILABLE']));
    expect(said.join('\n')).toContain('No space left on device');
    for (let asked = 0; asked < 20; asked += 1) {
      expect(await decided(stack, { resource: 'plain-1' })).toBe('ALLOW');
      expect(await decided(stack, { resource: 'plain-2' })).toBe('DENY');
    }

    await makeRoom();
    await expect
      .poll(() => refusalOf(submit(stack, 'ada', { resource: database('plain-3') })), { timeout: 30_000 })
      .toBeUndefined();
    const { ended, revision } = await (await grantsAs(stack, 'dee')).revokeGrants({
      ids: [id],
      reason: 'enough',
    });
    expect(ended).toHaveLength(1);
    expect(await decided(stack, { resource: 'plain-1', revision })).toBe('DENY');
  },
);
