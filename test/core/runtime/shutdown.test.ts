import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly ready: Promise<unknown>;
  /** The exit code, what it closed, what it logged. */
  readonly end: Promise<{ readonly code: unknown; readonly closed: readonly string[]; readonly log: string }>;
}

function start(behaviour: string, env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [at('service-process.ts'), behaviour], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ready = once(child.stdout, 'data');
  async function finish() {
    const [out, log, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    const closed = out.split('\n').filter((line) => line.startsWith('closed'));
    return { code: code as unknown, closed, log };
  }
  return { child, ready, end: finish() };
}

const bothClosed = ['closed second', 'closed first'];

/** Starting a process takes seconds on a busy machine. */
const patience = { timeout: 30_000 };

describe('a process', patience, () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'that gets %s closes in reverse order and exits with 0',
    async (signal) => {
      const { child, ready, end } = start('runs');
      await ready;
      child.kill(signal);
      expect(await end).toMatchObject({ code: 0, closed: bothClosed });
    },
  );

  test('that is killed has kept its compiled code where it was told to', async ({ onTestFinished }) => {
    const directory = await mkdtemp(join(tmpdir(), 'curfew-compiled-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const { child, ready, end } = start('runs', { NODE_COMPILE_CACHE: directory });
    await ready;
    const kept = async (): Promise<boolean> =>
      (await readdir(directory, { recursive: true, withFileTypes: true })).some((each) => each.isFile());
    while (!(await kept())) await pause(10);
    child.kill('SIGKILL');
    expect(await end).toMatchObject({ code: null, closed: [] });
  });

  test('whose parent lets go of its stdin closes and exits with 0', async () => {
    const { child, ready, end } = start('runs', { CURFEW_EXIT_WITH_PARENT: '1' });
    await ready;
    child.stdin.end();
    expect(await end).toMatchObject({ code: 0, closed: bothClosed });
  });

  test('that was not told to watch its parent lives on without stdin', async () => {
    const { child, ready, end } = start('runs');
    await ready;
    child.stdin.end();
    await once(child.stdin, 'close');
    child.kill('SIGTERM');
    expect((await end).log).toContain('SIGTERM: stopping');
  });

  const closedToNewWork = 'closed to new work';
  test('that gets SIGTERM says that it is not serving, and closes after the wait', async () => {
    const { child, ready, end } = start('drains', { CURFEW_DRAIN: '700ms' });
    await ready;
    const told = once(child.stdout, 'data');
    child.kill('SIGTERM');
    const [said] = (await told) as [Buffer]; // a pipe without encoding
    const toldAt = performance.now();
    expect(said.toString()).toBe(`${closedToNewWork}\n`);
    expect(await end).toMatchObject({ code: 0, closed: [closedToNewWork, ...bothClosed] });
    expect(performance.now() - toldAt).toBeGreaterThan(500);
  });

  test('that gets SIGINT does not wait', async () => {
    const { child, ready, end } = start('drains', { CURFEW_DRAIN: '20s' });
    await ready;
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 0, closed: [closedToNewWork, ...bothClosed] });
  });

  test('that cannot close what hangs is gone with 0 within ten seconds of SIGTERM all the same', async () => {
    const { child, ready, end } = start('hangs');
    await ready;
    const toldAt = performance.now();
    child.kill('SIGTERM');
    const { code, log } = await end;
    expect(performance.now() - toldAt).toBeLessThan(10_000);
    expect(code).toBe(0);
    expect(log).toContain('not closed after 7500 ms');
  });

  test('that cannot start closes what it opened, says why and exits with 1', async () => {
    const { code, closed, log } = await start('fails-to-start').end;
    expect({ code, closed }).toEqual({ code: 1, closed: bothClosed });
    expect(log).toContain('"msg":"no database"');
  });

  test('that fails later closes and exits with 1', async () => {
    const { code, closed, log } = await start('fails-later').end;
    expect({ code, closed }).toEqual({ code: 1, closed: bothClosed });
    expect(log).toContain('"msg":"lost the ledger"');
  });

  test('with a rejection that nobody handled logs it and exits with 1', async () => {
    const { code, log } = await start('forgets-a-promise').end;
    expect(code).toBe(1);
    expect(log).toContain('"level":"fatal"');
    expect(log).toContain('forgotten');
  });

  test('that cannot close one thing closes the others and exits with 1', async () => {
    const { child, ready, end } = start('fails-to-close');
    await ready;
    child.kill('SIGTERM');
    const { code, closed, log } = await end;
    expect({ code, closed }).toEqual({ code: 1, closed: bothClosed });
    expect(log).toContain('cannot close third');
  });

  test('leaves no orphan when its supervisor is killed outright', async () => {
    const supervisor = spawn(process.execPath, [at('supervisor-process.ts')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(supervisor.stdout, 'data')) as [Buffer]; // a pipe without encoding
    const pid = line.toString().trim();
    expect(await readlink(`/proc/${pid}/exe`)).toContain('node');
    supervisor.kill('SIGKILL');
    const state = () =>
      readlink(`/proc/${pid}/exe`).then(
        () => 'runs',
        () => 'gone',
      );
    await expect.poll(state, { timeout: 60_000 }).toBe('gone');
  });
});

describe('the log', patience, () => {
  test('is JSON on stderr, with secrets left out', async () => {
    const { child, ready, end } = start('runs');
    await ready;
    child.kill('SIGTERM');
    const { log } = await end;
    const [first] = log.split('\n').map((line) => (line === '' ? undefined : (JSON.parse(line) as unknown)));
    expect(first).toMatchObject({
      name: 'test',
      level: 'info',
      msg: 'started',
      token: '[redacted]',
      nested: { password: '[redacted]' },
    });
  });

  test('keeps to the level of CURFEW_LOG_LEVEL', async () => {
    const { child, ready, end } = start('runs', { CURFEW_LOG_LEVEL: 'error' });
    await ready;
    child.kill('SIGTERM');
    expect((await end).log).toBe('');
  });
});
