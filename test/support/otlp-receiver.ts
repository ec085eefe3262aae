import { once } from 'node:events';
import { createServer } from 'node:http';

/** A span as OTLP's JSON has it. */
export interface ReceivedSpan {
  readonly service: string;
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A collector of OTLP over HTTP as JSON, on a port of its own. */
export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** Every body received, as `path body`. */
  readonly bodies: readonly string[];
  /** Connections made so far. */
  connections(): number;
  spans(): readonly ReceivedSpan[];
  /** Variables that send everything here, at once. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param answers false for a collector that takes connections and never answers */
export async function startOtlpReceiver({ answers = true } = {}): Promise<OtlpReceiver> {
  const bodies: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(`${request.url} ${Buffer.concat(chunks).toString('utf8')}`);
      if (answers) response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  const url = `http://127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`;
  return {
    url,
    bodies,
    connections: () => connections,
    spans: () => bodies.flatMap(spansOf),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_BLRP_SCHEDULE_DELAY: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface TracesBody {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly (Omit<ReceivedSpan, 'attributes' | 'service' | 'scope'> & {
        readonly attributes: readonly KeyValue[];
      })[];
    }[];
  }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function spansOf(body: string): readonly ReceivedSpan[] {
  const path = '/v1/traces ';
  if (!body.startsWith(path)) return [];
  const { resourceSpans = [] } = JSON.parse(body.slice(path.length)) as TracesBody; // OTLP's JSON
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map(({ attributes, ...span }) => ({
        ...span,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        service: String(recordOf(resource.attributes)['service.name']),
        scope: scope.name,
        attributes: recordOf(attributes),
      })),
    ),
  );
}

function recordOf(pairs: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
