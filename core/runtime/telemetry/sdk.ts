import { diag, DiagLogLevel } from '@opentelemetry/api';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { PinoInstrumentation } from '@opentelemetry/instrumentation-pino';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ConsoleSpanExporter, type SpanExporter } from '@opentelemetry/sdk-trace';
import { allowListed } from './allow-list.ts';
import { destinationOf } from './asked.ts';
import { otlpSpanExporter } from './exporters.ts';
import { resourceOf } from './resource.ts';
import { stopAtEnd } from './stop.ts';
import { logLevelOf } from '../log-level.ts';

/**
 * Starts traces and logs as the environment asks. What libraries do is seen only where they are loaded after this.
 * @throws Error when an OTEL_ variable is wrong
 */
export async function startTelemetry(service: string, env: NodeJS.ProcessEnv): Promise<void> {
  const exporter = await spanExporter(env);
  const sendsLogs = destinationOf('logs', env) !== 'none';
  const sdk = new NodeSDK({
    resource: resourceOf(service),
    autoDetectResources: false,
    instrumentations: [
      // A poll of the ledger four times a second is nobody's call.
      new PgInstrumentation({ requireParentSpan: true }),
      new PinoInstrumentation({ disableLogSending: !sendsLogs }),
    ],
    // A service sends its metrics itself.
    metricReaders: [],
    ...(exporter === undefined ? { spanProcessors: [] } : { traceExporter: allowListed(exporter) }),
    ...(sendsLogs ? {} : { logRecordProcessors: [] }),
  });
  sdk.start();
  stopAtEnd(() => sdk.shutdown());
  await reportTroubles(service, env);
}

async function spanExporter(env: NodeJS.ProcessEnv): Promise<SpanExporter | undefined> {
  const destination = destinationOf('traces', env);
  if (destination === 'none') return undefined;
  return destination === 'console' ? new ConsoleSpanExporter() : await otlpSpanExporter(env);
}

/** Loaded here, not above: pino must be seen by its instrumentation first. */
async function reportTroubles(service: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { createLogger } = await import('../log.ts');
  const logger = createLogger(service, logLevelOf(env));
  // The texts only: what comes with them may hold what was to be sent.
  const warn = (message: string): void => logger.warn({ source: 'opentelemetry' }, message);
  const ignore = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}
