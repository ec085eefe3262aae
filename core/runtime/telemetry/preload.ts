// For `node --import`: what is to be traced must be loaded after the hook is there, so this alone works when it is imported.
import { register } from 'node:module';
import { basename, dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { destinationOf } from './asked.ts';

const service = `curfew-${basename(dirname(process.argv[1] ?? ''))}`;

try {
  // Metrics are the services' own and need none of this; the threads that examine policies load this, too.
  if (isMainThread && asksForTracesOrLogs()) {
    // Those that have instrumentations: to look at every module makes the start twice as long.
    register('@opentelemetry/instrumentation/hook.mjs', import.meta.url, {
      data: { include: ['pg', 'pino'] },
    });
    const { startTelemetry } = await import('./sdk.ts');
    await startTelemetry(service, process.env);
  }
} catch (error) {
  const { createLogger } = await import('../log.ts');
  createLogger(service, 'fatal').fatal(error instanceof Error ? error.message : 'telemetry cannot start');
  process.exit(1);
}

function asksForTracesOrLogs(): boolean {
  return (['traces', 'logs'] as const).some((signal) => destinationOf(signal, process.env) !== 'none');
}
