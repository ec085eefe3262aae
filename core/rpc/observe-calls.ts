import {
  type Context,
  context,
  isSpanContextValid,
  type Meter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type ServerInterceptor, status as Code } from '@grpc/grpc-js';
import type { Reason } from '../access/access-error.ts';
import { type Overload, OVERLOADS } from './admission.ts';

/** How a call ends on the wire. */
export type SentStatus = Parameters<Parameters<ServerInterceptor>[1]['sendStatus']>[0];

/** Counts, times and traces the calls of one server. */
export interface CallObserver {
  /** A call to that path begins. */
  readonly begin: (path: string) => Observed;
  /** A call was refused because nobody knows who calls. */
  readonly refused: (reason: Reason) => void;
  /** A call was refused because there is too much to do. */
  readonly overloaded: (why: Overload) => void;
  /** Shows the count of those from the start, where calls are refused so at all. */
  readonly mayOverload: () => void;
  /** A call to that path was refused before it got here. */
  readonly refusedEarly: (path: string) => void;
}

/** One call under observation. */
export interface Observed {
  /** When it began, by `performance.now`. */
  readonly startedMs: number;
  /** Its headers are there: begins its span, when this process has tracing. */
  trace<H>(headers: H, getter: TextMapGetter<H>): void;
  /** Runs `work` as a part of the call's trace. */
  within<T>(work: () => T): T;
  /** It ends with that code; whatever comes after does not count. */
  end(code: Code): void;
}

export interface ObserveCallsOptions {
  readonly meter: Meter;
  /** Whether the method at that path is worth a span. */
  readonly isTraced: (path: string) => boolean;
}

/** Answers that are the server's fault, by OpenTelemetry's conventions. */
const faults: ReadonlySet<Code> = new Set([
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
]);

/** Seconds: a decision takes fractions of a millisecond, a review some milliseconds, a queue up to seconds. */
const BOUNDARIES = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Observes calls: each is counted and timed, and is a span of the trace that its headers name, when this process has tracing. */
export function observeCalls({ meter, isTraced }: ObserveCallsOptions): CallObserver {
  const tracer = trace.getTracer('curfew');
  const instruments = createInstruments(meter);
  const methods = new Map<string, Method>();

  function methodAt(path: string): Method {
    const known = methods.get(path);
    if (known !== undefined) return known;
    const rpc = path.slice(1);
    const method = { rpc, tracer: isTraced(path) ? tracer : undefined, count: instruments.counterOf(rpc) };
    methods.set(path, method);
    return method;
  }

  return {
    begin: (path) => new ObservedCall(methodAt(path)),
    refused: instruments.refused,
    overloaded: instruments.overloaded,
    mayOverload: instruments.mayOverload,
    refusedEarly: (path) => methodAt(path).count(Code.RESOURCE_EXHAUSTED, 0),
  };
}

/** What the calls of one method have in common. */
interface Method {
  /** Its name as telemetry says it. */
  readonly rpc: string;
  /** Undefined where its calls are not worth a span. */
  readonly tracer: Tracer | undefined;
  readonly count: Count;
}

type Count = (code: Code, seconds: number) => void;

class ObservedCall implements Observed {
  readonly startedMs = performance.now();
  readonly #method: Method;
  #span: Span | undefined;
  #context: Context | undefined;
  #hasEnded = false;

  constructor(method: Method) {
    this.#method = method;
  }

  trace<H>(headers: H, getter: TextMapGetter<H>): void {
    const { tracer, rpc } = this.#method;
    if (tracer === undefined) return;
    const parent = propagation.extract(ROOT_CONTEXT, headers, getter);
    const span = tracer.startSpan(rpc, { kind: SpanKind.SERVER }, parent);
    this.#span = span;
    if (!isSpanContextValid(span.spanContext())) return;
    if (span.isRecording()) span.setAttributes(attributesOf(rpc));
    this.#context = trace.setSpan(parent, span);
  }

  within<T>(work: () => T): T {
    return this.#context === undefined ? work() : context.with(this.#context, work);
  }

  end(code: Code): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#method.count(code, (performance.now() - this.startedMs) / 1_000);
    if (this.#span !== undefined) endSpan(this.#span, code);
  }
}

function createInstruments(meter: Meter) {
  const calls = countCalls(meter);
  const duration = meter.createHistogram('curfew_rpc_duration_seconds', {
    description: 'How long calls took, by method',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const sheds = meter.createCounter('curfew_rpc_sheds_total', {
    description:
      'Calls refused because there was too much to do, or they were too large (RESOURCE_EXHAUSTED)',
  });
  const refusals = meter.createCounter('curfew_rpc_authentication_failures_total', {
    description: 'Calls refused because it is not known who calls, by reason',
  });
  const overloads = meter.createCounter('curfew_rpc_overload_refusals_total', {
    description: 'Calls refused because there was too much to do, by what there was too much of',
  });
  sheds.add(0);
  return {
    counterOf: (rpc: string): Count => {
      const count = calls(rpc);
      const attributes = { rpc };
      return (code, seconds) => {
        count(code);
        duration.record(seconds, attributes);
        if (code === Code.RESOURCE_EXHAUSTED) sheds.add(1);
      };
    },
    refused: (reason: Reason): void => refusals.add(1, { reason }),
    overloaded: (why: Overload): void => overloads.add(1, { why }),
    mayOverload: (): void => {
      for (const why of OVERLOADS) overloads.add(0, { why });
    },
  };
}

/** Counts calls in numbers that are read when somebody looks: a counter of OpenTelemetry's costs a microsecond each time. */
function countCalls(meter: Meter): (rpc: string) => (code: Code) => void {
  const counts: { readonly attributes: { readonly rpc: string; readonly code: string }; calls: number }[] =
    [];
  const calls = meter.createObservableCounter('curfew_rpc_calls_total', {
    description: 'Calls answered, by method and code',
  });
  calls.addCallback((result) => {
    for (const count of counts) result.observe(count.calls, count.attributes);
  });
  return (rpc) => {
    const byCode = new Map<Code, (typeof counts)[number]>();
    return (code) => {
      const known = byCode.get(code);
      if (known !== undefined) {
        known.calls += 1;
        return;
      }
      const first = { attributes: { rpc, code: Code[code] }, calls: 1 };
      byCode.set(code, first);
      counts.push(first);
    };
  };
}

function attributesOf(rpc: string) {
  const [service = '', method = ''] = rpc.split('/');
  return { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method };
}

function endSpan(span: Span, code: Code): void {
  span.setAttribute('rpc.grpc.status_code', code);
  if (faults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
