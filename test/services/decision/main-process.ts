import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import type { Scene } from './scene.ts';

const MAIN = fileURLToPath(new URL('../../../services/decision/main.ts', import.meta.url));
const COMPILED = fileURLToPath(new URL('../../../node_modules/.cache/curfew-test', import.meta.url));

export interface LogLine {
  readonly msg: string;
  readonly pid: number;
  readonly port?: number;
  readonly httpPort?: number;
  readonly worker?: number;
}

/** services/decision/main.ts in a process of its own. */
export interface MainProcess {
  readonly child: ChildProcess;
  /** Exit code and signal. */
  readonly exited: Promise<[number | null, string | null]>;
  readonly lines: readonly LogLine[];
  /** The line that says the ports. */
  readonly listening: Promise<LogLine>;
}

export const patient = { timeout: 60_000 };

/** What main.ts needs to follow the scene's ledger. */
export function environmentOf(scene: Scene, changes: Readonly<Record<string, string>> = {}) {
  const { keys, issuer } = scene.issuer.issuer;
  return {
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: COMPILED,
    CURFEW_DATABASE_URL: scene.database.decisionUrl,
    CURFEW_DECISION_LISTEN: '127.0.0.1:0',
    CURFEW_DRAIN: '0',
    CURFEW_DECISION_HTTP_LISTEN: '127.0.0.1:0',
    CURFEW_OIDC_ISSUER: issuer,
    CURFEW_OIDC_JWKS: keys.kind === 'file' ? keys.path : '',
    CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
    ...changes,
  };
}

/** Starts main.ts; killed at the end, of the test unless said, should it still run. */
export function runMain(
  env: Readonly<Record<string, string>>,
  atEnd: (kill: () => void) => void = onTestFinished,
): MainProcess {
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  atEnd(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>; // as Node documents it
  const lines: LogLine[] = [];
  const listening = Promise.withResolvers<LogLine>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    const parsed = JSON.parse(line) as LogLine; // pino writes these
    lines.push(parsed);
    if (parsed.port !== undefined) listening.resolve(parsed);
  });
  return { child, exited, lines, listening: listening.promise };
}

/** Waits until the ready page answers with that status. */
export async function readiness(httpPort: number | undefined, wanted: number): Promise<void> {
  const ask = async (): Promise<number> => (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status;
  await expect.poll(ask, patient).toBe(wanted);
}
