import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';

const guardPath = fileURLToPath(new URL('../../../clients/cli/bin/curfew.js', import.meta.url));

/**
 * A copy of the guard in a tree of its own, where `main.ts` prints what it was started with; and a file to load first that makes this
 * Node believe it is an older one.
 */
function installGuard(version: string): {
  readonly guard: string;
  readonly older: string;
  readonly root: string;
} {
  const root = mkdtempSync(join(tmpdir(), 'curfew-guard-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const guard = join(root, 'clients', 'cli', 'bin', 'curfew.js');
  mkdirSync(dirname(guard), { recursive: true });
  cpSync(guardPath, guard);
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(root, 'clients', 'cli', 'main.ts'),
    'console.log("main", ...process.argv.slice(2)); process.exitCode = 10;',
  );
  const older = join(root, 'older.cjs');
  writeFileSync(older, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  return { guard, older, root };
}

/** Puts a program in the place of the Node that a development install brings. */
function installNode(root: string, script: string): void {
  const node = join(root, 'node_modules', '.bin', 'node');
  mkdirSync(dirname(node), { recursive: true });
  writeFileSync(node, `#!/bin/sh\n${script}\n`);
  chmodSync(node, 0o755);
}

function start(
  guard: string,
  older: string,
  args: readonly string[],
): { code: number | null; stdout: string; stderr: string } {
  const run = spawnSync(process.execPath, ['--require', older, guard, ...args], { encoding: 'utf8' });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

describe('the guard', () => {
  test.each(['22.18.0', '24.0.0', '100.1.0'])('runs the program on Node %s', (version) => {
    const { guard, older } = installGuard(version);
    expect(start(guard, older, ['a', 'b c'])).toEqual({ code: 10, stdout: 'main a b c\n', stderr: '' });
  });

  test.each(['20.20.2', '22.17.1', '18.0.0'])(
    'runs again on the Node of the install when it is on %s',
    (version) => {
      const { guard, older, root } = installGuard(version);
      installNode(root, `exec '${process.execPath}' "$@"`);
      expect(start(guard, older, ['a', "b'c"])).toEqual({ code: 10, stdout: "main a b'c\n", stderr: '' });
    },
  );

  test('says what to install when there is no other Node', () => {
    const { guard, older } = installGuard('20.20.2');
    const { code, stdout, stderr } = start(guard, older, []);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('error: curfew needs Node.js 22.18 or newer, this is 20.20.2');
    expect(stderr).toContain('Next: install Node.js 24 from https://nodejs.org, or run npm ci');
  });

  test('does not start itself for ever when the other Node is too old as well', () => {
    const { guard, older, root } = installGuard('20.20.2');
    installNode(root, `exec '${process.execPath}' --require '${older}' "$@"`);
    const { code, stderr } = start(guard, older, []);
    expect(code).toBe(1);
    expect(stderr).toContain('error: curfew needs Node.js 22.18 or newer');
  });

  test('ends by the signal that ended the program', () => {
    const { guard, older, root } = installGuard('20.20.2');
    installNode(root, 'kill -TERM $$');
    const run = spawnSync(process.execPath, ['--require', older, guard]);
    expect(run.signal).toBe('SIGTERM');
  });
});
