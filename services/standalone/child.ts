import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface ChildOptions {
  readonly name: string;
  /** The folder under services/ whose main.ts runs. */
  readonly service: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logPath: string;
  /** Told when it ends without having been stopped; it is then started again. */
  readonly onCrash: (message: string) => void;
}

/** A process that is started again when it dies, and that dies with this one. */
export interface Child {
  /** Resolves when its ready page says so. @throws Error with what it logged last, when it ends first */
  ready(readyUrl: string): Promise<void>;
  stop(): Promise<void>;
}

const RESTART_MS = 500;
const LOOK_MS = 25;
const STOP_MS = 10_000;

export function startChild(options: ChildOptions): Child {
  const log = createWriteStream(options.logPath, { flags: 'a', mode: 0o600 });
  let running = launch(options, log);
  let isStopping = false;
  let wasReady = false;
  let restart: NodeJS.Timeout | undefined;

  const watch = (): void => {
    running.child.once('exit', (code, signal) => {
      if (isStopping || !wasReady) return;
      options.onCrash(
        `${options.name} ended (${signal ?? code}) and is started again; its log is ${options.logPath}`,
      );
      restart = setTimeout(() => {
        running = launch(options, log);
        watch();
      }, RESTART_MS);
    });
  };
  watch();

  return {
    ready: async (readyUrl) => {
      while (!(await answersReady(readyUrl))) {
        if (running.child.exitCode !== null || running.child.signalCode !== null) {
          throw new Error(`${options.name} did not start: ${running.lastMessage()}`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      wasReady = true;
    },
    stop: async () => {
      isStopping = true;
      clearTimeout(restart);
      await end(running.child);
      log.end();
    },
  };
}

function launch(options: ChildOptions, log: WriteStream) {
  const main = fileURLToPath(new URL(`../${options.service}/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main], {
    // Nobody is routed around a process of this machine's own: it need not wait.
    env: { CURFEW_DRAIN: '0', ...options.env, CURFEW_EXIT_WITH_PARENT: '1' },
    // Ctrl-C reaches a whole process group; these are stopped in order instead.
    detached: true,
    // Its stdin is a pipe that ends with this process, however it ends.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let tail = '';
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (chunk: Buffer) => {
      log.write(chunk);
      tail = (tail + chunk.toString('utf8')).slice(-100_000);
    });
  }
  return { child, lastMessage: () => lastMessage(tail) };
}

/** The message of the last fatal or error line, or the last line as it is. */
function lastMessage(tail: string): string {
  const lines = tail.trim().split('\n');
  for (const line of lines.toReversed()) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown }; // our own log lines
      if ((entry.level === 'fatal' || entry.level === 'error') && typeof entry.msg === 'string')
        return entry.msg;
    } catch {
      continue; // not a log line
    }
  }
  return lines.at(-1) ?? 'it said nothing';
}

async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // not listening yet
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}

/** Runs a job to its end. @throws Error with what it logged last, when it fails */
export async function runJob(options: Omit<ChildOptions, 'onCrash'>): Promise<void> {
  const log = createWriteStream(options.logPath, { flags: 'a', mode: 0o600 });
  const job = launch({ ...options, onCrash: () => undefined }, log);
  const [code] = (await once(job.child, 'exit')) as [number | null]; // the event's documented arguments
  log.end();
  if (code !== 0) throw new Error(`${options.name} failed: ${job.lastMessage()}`);
}
