import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { type Protocol, protocolOf } from './asked.ts';

/** Made only when they are asked for: loading all of them takes longer than a service takes to start. */
const spanExporters: Readonly<Record<Protocol, () => Promise<SpanExporter>>> = {
  grpc: async () => new (await import('@opentelemetry/exporter-trace-otlp-grpc')).OTLPTraceExporter(),
  'http/json': async () => new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter(),
  'http/protobuf': async () =>
    new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter(),
};

const metricExporters: Readonly<Record<Protocol, () => Promise<PushMetricExporter>>> = {
  grpc: async () => new (await import('@opentelemetry/exporter-metrics-otlp-grpc')).OTLPMetricExporter(),
  'http/json': async () =>
    new (await import('@opentelemetry/exporter-metrics-otlp-http')).OTLPMetricExporter(),
  'http/protobuf': async () =>
    new (await import('@opentelemetry/exporter-metrics-otlp-proto')).OTLPMetricExporter(),
};

/** Sends spans by OTLP as the OTEL_EXPORTER_OTLP_ variables say. */
export async function otlpSpanExporter(env: NodeJS.ProcessEnv): Promise<SpanExporter> {
  return await spanExporters[protocolOf('traces', env)]();
}

/** Sends metrics by OTLP as the OTEL_EXPORTER_OTLP_ variables say. */
export async function otlpMetricExporter(env: NodeJS.ProcessEnv): Promise<PushMetricExporter> {
  return await metricExporters[protocolOf('metrics', env)]();
}
