import {
  ConsoleMetricExporter,
  type IMetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Destination } from './asked.ts';
import { otlpMetricExporter } from './exporters.ts';

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 30_000;

/** Sends the metrics of a provider away at every OTEL_METRIC_EXPORT_INTERVAL (milliseconds, one minute unless set). */
export async function metricSender(destination: Destination, env: NodeJS.ProcessEnv): Promise<IMetricReader> {
  const exporter = destination === 'console' ? new ConsoleMetricExporter() : await otlpMetricExporter(env);
  const exportIntervalMillis = millisecondsOf(env['OTEL_METRIC_EXPORT_INTERVAL']) ?? INTERVAL_MS;
  const timeoutMs = millisecondsOf(env['OTEL_METRIC_EXPORT_TIMEOUT']) ?? TIMEOUT_MS;
  return new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(timeoutMs, exportIntervalMillis),
  });
}

function millisecondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text) : undefined;
}
