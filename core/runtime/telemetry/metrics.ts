import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { type IMetricReader, MeterProvider } from '@opentelemetry/sdk-metrics';
import { destinationOf } from './asked.ts';
import { resourceOf } from './resource.ts';

/** The instruments of one service. */
export interface Metrics {
  readonly meter: Meter;
  /** All of them in Prometheus' text format. */
  readonly page: () => Promise<string>;
  /** Sends what is left, should metrics be sent, within two seconds. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/**
 * Makes the instruments of a service. They are read by `page` and, when the environment asks for it, sent by OTLP as well.
 * @throws Error when an OTEL_ variable is wrong
 */
export async function openMetrics(service: string, env: NodeJS.ProcessEnv = process.env): Promise<Metrics> {
  // It would listen on all interfaces: here it only collects, and the health server shows the page.
  const collector = new PrometheusExporter({ preventServerStart: true });
  // Without the resource, whose attributes are whatever the environment says.
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  const destination = destinationOf('metrics', env);
  const sending =
    destination === 'none' ? [] : [await (await import('./metric-sender.ts')).metricSender(destination, env)];
  const readers: IMetricReader[] = [collector, ...sending];
  const provider = new MeterProvider({ resource: resourceOf(service), readers });
  return {
    meter: provider.getMeter('curfew'),
    page: async () => serializer.serialize((await collector.collect()).resourceMetrics),
    close: async () => {
      // A collector that is away is no reason to stay, and its failure has been logged.
      await provider.shutdown({ timeoutMillis: CLOSE_MS }).catch(() => undefined);
    },
  };
}
