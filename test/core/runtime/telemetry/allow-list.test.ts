import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { allowListed } from '../../../../core/runtime/telemetry/allow-list.ts';

test('L5 a span leaves with allowed attributes only, and without texts of errors', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: allowListed(exporter) })],
  });
  const tracer = provider.getTracer('test');
  const parent = tracer.startSpan('parent');
  const span = tracer.startSpan('query', {
    links: [{ context: parent.spanContext(), attributes: { who: 'canary' } }],
    attributes: { 'db.query.text': 'SELECT $1', 'db.user': 'canary', 'server.address': 'canary' },
  });
  span.addEvent('read', { row: 'canary' });
  span.recordException(new Error('canary'));
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'canary' });
  span.end();
  await provider.forceFlush();
  const [left] = exporter.getFinishedSpans();
  expect(left).toMatchObject({
    name: 'query',
    attributes: { 'db.query.text': 'SELECT $1' },
    status: { code: SpanStatusCode.ERROR },
    events: [{ name: 'read' }, { name: 'exception' }],
    links: [{ context: parent.spanContext() }],
  });
  expect(left?.spanContext()).toEqual(span.spanContext());
  expect(JSON.stringify([left?.attributes, left?.status, left?.events, left?.links])).not.toContain('canary');
  await provider.shutdown();
});
