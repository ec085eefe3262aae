import type { Attributes } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

/** What a span may carry away; whatever else a library puts on one stays here. */
const allowed: ReadonlySet<string> = new Set([
  'curfew.decision.effect',
  'curfew.decision.grant_id',
  'curfew.decision.policy_digest',
  'curfew.decision.policy_ids',
  'curfew.decision.revision',
  'curfew.decision.stale',
  'db.namespace',
  'db.operation.name',
  // Parametrised: no SQL is built from text.
  'db.query.text',
  'db.system.name',
  'error.type',
  'rpc.grpc.status_code',
  'rpc.method',
  'rpc.service',
  'rpc.system',
]);

/** An exporter that is handed spans with allowed attributes only, and without texts of errors, which quote values. */
export function allowListed(exporter: SpanExporter): SpanExporter {
  return {
    export: (spans, done) => exporter.export(spans.map(cleaned), done),
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => {
      await exporter.forceFlush?.();
    },
  };
}

function cleaned(span: ReadableSpan): ReadableSpan {
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    ...(span.parentSpanContext === undefined ? {} : { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    status: { code: span.status.code },
    attributes: allowedOf(span.attributes),
    links: span.links.map(({ context }) => ({ context })),
    events: span.events.map(({ name, time }) => ({ name, time })),
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}

function allowedOf(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => allowed.has(name)));
}
