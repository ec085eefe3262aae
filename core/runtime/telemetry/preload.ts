// For `node --import`: what is to be traced must be loaded after the hook is there, so this alone works when it is imported.
import { register } from 'node:module';
import { basename, dirname } from 'node:path';
import { destinationOf } from './asked.ts';

const service = `curfew-${basename(dirname(process.argv[1] ?? ''))}`;
try {
  // Metrics are the services' own and need none of this.
  if (destinationOf('traces', process.env) !== 'none' || destinationOf('logs', process.env) !== 'none') {
    // Those that have instrumentations: to look at every module makes the start twice as long.
    register('@opentelemetry/instrumentation/hook.mjs', import.meta.url, {
      data: { include: ['pg', 'pino'] },
    });
    const { startTelemetry } = await import('./sdk.ts');
    await startTelemetry(service, process.env);
  }
} catch (error) {
  const { createLogger } = await import('../log.ts');
  createLogger(service, 'fatal').fatal(error instanceof Error ? error.message : 'telemetry failed');
  process.exit(1);
}
