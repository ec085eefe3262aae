import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from './config.ts';
import { drainMsOf } from './drain.ts';
import { createLogger, type Logger } from './log.ts';
import { logLevelOf } from './log-level.ts';
import { stopTelemetry } from './telemetry/stop.ts';

/** A process as long as it lives. */
export interface Service {
  /** At the level of CURFEW_LOG_LEVEL. */
  readonly logger: Logger;
  /** Registers what to close when the process stops; the last registered is closed first. */
  readonly onClose: (what: string, close: () => Promise<void> | void) => void;
  /** Registers what tells clients and load balancers to go elsewhere. On SIGTERM it is told first, and CURFEW_DRAIN passes before anything is closed. */
  readonly onDrain: (stopServing: () => void) => void;
  /** Stops the process because of a fault: logged, all closed, exit code 1. */
  readonly fail: (error: unknown) => void;
}

/** With the usual CURFEW_DRAIN, a process is gone within ten seconds whatever hangs. */
const maxCloseMs = 7_500;

/**
 * Runs a process: starts it, and on SIGTERM, SIGINT or the end of its parent closes what it opened and exits with 0, in bounded time: what
 * hangs is left behind. Only SIGTERM, which supervisors send, is worth the wait of CURFEW_DRAIN. A failed start or a fault that nobody
 * caught exits with 1. With CURFEW_EXIT_WITH_PARENT=1 the end of stdin, a pipe that the parent holds, counts as the
 * parent's end: it comes even when the parent is killed outright.
 */
export function runService(
  name: string,
  start: (service: Service) => Promise<void>,
  env: Environment = process.env,
): void {
  const logger = createLogger(name, logLevelOf(env));
  const closers: { readonly what: string; readonly close: () => Promise<void> | void }[] = [];
  const drains: (() => void)[] = [];
  let isStopping = false;

  async function stop(exitCode: number, drainMs: number): Promise<void> {
    if (isStopping) {
      return;
    }
    isStopping = true;
    const maxMs = drainMs + maxCloseMs;
    setTimeout(() => exit(logger, exitCode, `not closed after ${maxMs} ms: gone without`), maxMs);
    for (const stopServing of drains) {
      stopServing();
    }
    await delay(drainMs);
    const failed = await closeAll(closers, logger);
    await stopTelemetry();
    process.exit(failed ? 1 : exitCode);
  }

  function fail(error: unknown): void {
    if (isStopping) {
      logger.warn({ err: error }, 'failed while stopping');
      return;
    }
    logger.fatal({ err: error }, error instanceof Error ? error.message : 'failed');
    void stop(1, 0); // it ends the process and cannot reject
  }

  onStopSignal(env, (why) => {
    if (!isStopping) {
      logger.info(`${why}: stopping`);
      void stop(0, why === 'SIGTERM' && drains.length > 0 ? drainMsOf(env) : 0); // likewise
    }
  });
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'a fault that nobody caught');
    process.exit(1);
  });
  const service = {
    logger,
    onClose: (what: string, close: () => Promise<void> | void) => void closers.push({ what, close }),
    onDrain: (stopServing: () => void) => void drains.push(stopServing),
    fail,
  };
  start(service).then(keepCompiled).catch(fail);
}

/** Node keeps compiled code, where NODE_COMPILE_CACHE asks for it, only when a process ends well; one that is killed is to start as fast again. */
function keepCompiled(): void {
  if (getCompileCacheDir() !== undefined) flushCompileCache();
}

async function closeAll(
  closers: { readonly what: string; readonly close: () => Promise<void> | void }[],
  logger: Logger,
): Promise<boolean> {
  let failed = false;
  for (let next = closers.pop(); next !== undefined; next = closers.pop()) {
    try {
      await next.close();
    } catch (error) {
      failed = true;
      logger.error({ err: error }, `cannot close ${next.what}`);
    }
  }
  return failed;
}

function onStopSignal(env: Environment, stop: (why: string) => void): void {
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('disconnect', () => stop('the parent has gone'));
  if (env['CURFEW_EXIT_WITH_PARENT'] === '1') {
    process.stdin.once('end', () => stop('the parent has gone'));
    process.stdin.once('error', () => stop('the parent has gone'));
    process.stdin.resume();
  }
}

function exit(logger: Logger, code: number, why: string): never {
  logger.fatal(why);
  process.exit(code);
}
