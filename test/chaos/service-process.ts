import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ServiceProcessOptions {
  /** Names its log file. */
  readonly name: string;
  /** The folder under services/. */
  readonly service: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logPath: string;
  /** Whether `setClock` works, which makes every look at a clock dearer; true unless said. */
  readonly hasOwnClock?: boolean;
}

/** A service in a process of its own that is started again when it is killed, as a supervisor would. */
export interface ServiceProcess {
  readonly name: string;
  /** Of the process of now; undefined while it could not be started. */
  readonly pid: () => number | undefined;
  /** Ends it as a crash does. The next start comes at once. */
  readonly kill: () => Promise<void>;
  /** It stands still until `proceed`. */
  readonly freeze: () => void;
  readonly proceed: () => void;
  /** Sets its wall clock that much ahead (or behind). A new process has the right time. */
  readonly setClock: (offsetMs: number) => void;
  readonly close: () => Promise<void>;
}

const MAIN = '../../services/SERVICE/main.ts';
const CLOCK = new URL('./skewed-clock.ts', import.meta.url).href;
const RESTART_MS = 100;
/** As `npm start` keeps it. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url));

export function startService(options: ServiceProcessOptions): ServiceProcess {
  const log = createWriteStream(options.logPath, { flags: 'a' });
  let isClosing = false;
  let child = launch();

  function launch(): ChildProcess {
    const main = fileURLToPath(new URL(MAIN.replace('SERVICE', options.service), import.meta.url));
    const clock = options.hasOwnClock === false ? [] : ['--import', CLOCK];
    const started = spawn(process.execPath, [...clock, main], {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: COMPILED,
        ...options.env,
        CURFEW_EXIT_WITH_PARENT: '1',
      },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    started.stdout?.pipe(log, { end: false });
    started.stderr?.pipe(log, { end: false });
    started.once('exit', () => {
      if (!isClosing) setTimeout(() => !isClosing && (child = launch()), RESTART_MS);
    });
    return started;
  }

  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const end = async (): Promise<void> => {
    if (!isAlive()) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    name: options.name,
    pid: () => child.pid,
    kill: end,
    freeze: () => void child.kill('SIGSTOP'),
    proceed: () => void child.kill('SIGCONT'),
    setClock: (clockOffsetMs) => {
      if (child.connected) child.send({ clockOffsetMs });
    },
    close: async () => {
      isClosing = true;
      await end();
      // What a killed process had written may still be on its way.
      child.stdout?.unpipe(log);
      child.stderr?.unpipe(log);
      log.end();
    },
  };
}
