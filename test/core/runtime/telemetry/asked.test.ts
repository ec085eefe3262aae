import { expect, test } from 'vitest';
import { destinationOf, protocolOf } from '../../../../core/runtime/telemetry/asked.ts';

const url = 'http://127.0.0.1:4318';

test.each([
  ['nothing is asked for', {}, ['none', 'none', 'none']],
  ['an endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }, ['none', 'none', 'none']],
  ['one endpoint is named', { OTEL_EXPORTER_OTLP_ENDPOINT: url }, ['otlp', 'otlp', 'otlp']],
  ['one of traces is named', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url }, ['otlp', 'none', 'none']],
  [
    'exporters are named',
    { OTEL_TRACES_EXPORTER: 'console', OTEL_METRICS_EXPORTER: 'otlp', OTEL_LOGS_EXPORTER: 'none' },
    ['console', 'otlp', 'none'],
  ],
  [
    'an endpoint is named and one signal is not to be sent',
    { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'prometheus' },
    ['none', 'none', 'otlp'],
  ],
  [
    'the SDK is disabled',
    { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'otlp' },
    ['none', 'none', 'none'],
  ],
])('where %s, that is where signals go', (_title, env, wanted) => {
  expect((['traces', 'metrics', 'logs'] as const).map((signal) => destinationOf(signal, env))).toEqual(
    wanted,
  );
});

test('an exporter that is not there is one clear error', () => {
  expect(() => destinationOf('traces', { OTEL_TRACES_EXPORTER: 'zipkin' })).toThrow(
    'OTEL_TRACES_EXPORTER: seen "zipkin", wanted one of none, otlp, console',
  );
});

test.each([
  [{}, 'http/protobuf'],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'grpc'],
  [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' }, 'http/json'],
])('%j speaks %s', (env, protocol) => {
  expect(protocolOf('traces', env)).toBe(protocol);
});

test('a protocol that is not there is one clear error', () => {
  expect(() => protocolOf('metrics', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/proto' })).toThrow(
    'OTEL_EXPORTER_OTLP_PROTOCOL: seen "http/proto", wanted one of grpc, http/json, http/protobuf',
  );
});
