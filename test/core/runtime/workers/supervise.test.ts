import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLogger } from '../../../../core/runtime/log.ts';
import { Supervisor } from '../../../../core/runtime/workers/supervise.ts';

const patient = { timeout: 60_000 };
const main = fileURLToPath(new URL('worker-script.ts', import.meta.url));

interface Supervised {
  readonly supervisor: Supervisor;
  readonly onGiveUp: ReturnType<typeof vi.fn>;
  readonly onRestart: ReturnType<typeof vi.fn>;
  /** Lets a worker start again. */
  mend(worker: number): Promise<void>;
}

/** Two workers. @param broken those that cannot start */
async function supervise(broken: readonly number[] = []): Promise<Supervised> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pathOf = (worker: number): string => join(folder, `broken-${worker}`);
  for (const worker of broken) await writeFile(pathOf(worker), '');
  vi.stubEnv('CURFEW_TEST_BROKEN', join(folder, 'broken-'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const told = { onGiveUp: vi.fn<(error: Error) => void>(), onRestart: vi.fn<() => void>() };
  const supervisor = new Supervisor({ main, count: 2, logger: createLogger('test', 'silent'), ...told });
  onTestFinished(() => supervisor.stop());
  return { supervisor, ...told, mend: (worker) => rm(pathOf(worker)) };
}

/** The numbers of the workers that take connections. */
function taking({ supervisor }: Supervised): readonly number[] {
  return supervisor.workers.filter(({ isTaking }) => isTaking).map(({ number }) => number);
}

async function pidOf({ supervisor }: Supervised, worker: number): Promise<number> {
  const page = await supervisor.workers.find(({ number }) => number === worker)?.page();
  return Number(page?.split(' ').at(-1));
}

it('has started when all workers take connections', async () => {
  const supervised = await supervise();
  await supervised.supervisor.started;
  expect(taking(supervised)).toEqual([1, 2]);
});

it('starts a worker again that was killed', async () => {
  const supervised = await supervise();
  await supervised.supervisor.started;
  process.kill(await pidOf(supervised, 2), 'SIGKILL');
  await expect.poll(() => supervised.onRestart.mock.calls.length, patient).toBe(1);
  await expect.poll(() => taking(supervised), patient).toEqual([1, 2]);
  expect(supervised.onGiveUp).not.toHaveBeenCalled();
});

it('has started although a worker cannot be, while another can, and goes on trying', async () => {
  const supervised = await supervise([1]);
  await supervised.supervisor.started;
  expect(taking(supervised)).toEqual([2]);
  await expect.poll(() => supervised.onRestart.mock.calls.length, patient).toBeGreaterThanOrEqual(2);
  await supervised.mend(1);
  await expect.poll(() => taking(supervised), patient).toEqual([1, 2]);
  expect(supervised.onGiveUp).not.toHaveBeenCalled();
});

it('gives up once, with the reason, when no worker can be started', async () => {
  const supervised = await supervise([1, 2]);
  await expect.poll(() => supervised.onGiveUp.mock.calls.length, patient).toBe(1);
  expect(String(supervised.onGiveUp.mock.calls[0]?.[0])).toMatch(
    /ended \(exit code 3\) before it took a connection/,
  );
  expect(supervised.supervisor.workers).toEqual([]);
});
