import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { run } from '../../../clients/cli/run.ts';
import type { Terminal } from '../../../clients/cli/terminal.ts';

/** The command line as people start it. */
const curfewPath = fileURLToPath(new URL('../../../clients/cli/bin/curfew.js', import.meta.url));
/** Compiled code, so that the many starts of a test run cost half. */
const cachePath = fileURLToPath(new URL('../../../node_modules/.cache/curfew-cli', import.meta.url));

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Everything that the process knows of its environment beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The Node to run it with; this one unless said. */
  readonly node?: string;
  /** Given the process as soon as it runs. */
  readonly during?: (child: ChildProcess) => void;
}

/** Runs the real command line in a process of its own, until it ends. */
export function runCurfew(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return runProgram(curfewPath, args, options);
}

/** The same with a copy of the command line that is elsewhere. */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  const { env = {}, cwd = process.cwd(), node = process.execPath, during } = options;
  const child = spawn(node, [path, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: cachePath, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  during?.(child);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject);
  child.on('close', resolve);
  return { code: await promise, stdout, stderr };
}

/** The same in this process: for tables of arguments, where a process for each would take minutes. */
export async function runHere(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const { env = {}, cwd = process.cwd() } = options;
  const written: Record<'stdout' | 'stderr', string[]> = { stdout: [], stderr: [] };
  let code: number | null = null;
  const plain = (text: string): string => text;
  const terminal: Terminal = {
    env,
    cwd,
    program: curfewPath,
    now: () => new Date(),
    paint: { good: plain, bad: plain, waiting: plain, faint: plain, strong: plain, command: plain },
    isInteractive: false,
    out: (lines) => void written.stdout.push(...lines),
    note: (lines) => void written.stderr.push(...lines),
    ask: () => Promise.reject(new Error('nobody is here to be asked')),
    onInterrupt: () => () => undefined,
    finish: (ended) => {
      code = ended;
    },
  };
  await run(args, terminal, '0.0.0');
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  return { code, stdout: text(written.stdout), stderr: text(written.stderr) };
}
