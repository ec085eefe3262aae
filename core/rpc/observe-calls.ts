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
  trace,
} from '@opentelemetry/api';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status as Code } from '@grpc/grpc-js';
import type { Reason } from '../access/access-error.ts';
import type { Overload } from './admission.ts';

type InterceptedCall = Parameters<ServerInterceptor>[1];
/** How a call ends on the wire. */
export type SentStatus = Parameters<InterceptedCall['sendStatus']>[0];

/** Counts, times and traces the calls of one server. */
export interface CallObserver {
  /** The first of a server's interceptors: grpc-js's own refusals are sent below all others. */
  readonly interceptor: ServerInterceptor;
  /** Runs `work` as a part of the call's trace. */
  readonly within: <T>(metadata: Metadata, work: () => T) => T;
  /** A call was refused because nobody knows who calls. */
  readonly refused: (reason: Reason) => void;
  /** A call was refused because there is too much to do. */
  readonly overloaded: (why: Overload) => void;
  /** Shows the count of those from the start, where calls are refused so at all. */
  readonly mayOverload: () => void;
  /** A call to that path was refused before it got here. */
  readonly refusedEarly: (path: string) => void;
}

export interface ObserveCallsOptions {
  readonly meter: Meter;
  /** Whether the method at that path is worth a span. */
  readonly isTraced: (path: string) => boolean;
  /** What is sent instead of a status. */
  readonly nameStatus: (status: SentStatus) => SentStatus;
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
export function observeCalls({ meter, isTraced, nameStatus }: ObserveCallsOptions): CallObserver {
  const tracer = trace.getTracer('curfew');
  const instruments = createInstruments(meter);
  const contexts = new WeakMap<Metadata, Context>();

  function interceptor(...[{ path }, call]: Parameters<ServerInterceptor>): ServerInterceptingCall {
    const rpc = path.slice(1);
    const startedMs = performance.now();
    let span: Span | undefined;
    let hasEnded = false;
    const end = (code: Code): void => {
      if (hasEnded) return;
      hasEnded = true;
      instruments.count(rpc, code, (performance.now() - startedMs) / 1_000);
      if (span !== undefined) endSpan(span, code);
    };
    const send = call.sendStatus.bind(call);
    call.sendStatus = (status) => {
      const named = nameStatus(status);
      end(named.code ?? Code.OK);
      send(named);
    };
    const onReceiveMetadata = (metadata: Metadata, next: (metadata: Metadata) => void): void => {
      if (!isTraced(path)) return next(metadata);
      const parent = propagation.extract(ROOT_CONTEXT, metadata, headers);
      span = tracer.startSpan(rpc, { kind: SpanKind.SERVER }, parent);
      if (!isSpanContextValid(span.spanContext())) return next(metadata);
      if (span.isRecording()) span.setAttributes(attributesOf(rpc));
      const within = trace.setSpan(parent, span);
      contexts.set(metadata, within);
      context.with(within, () => next(metadata));
    };
    // It comes at the end of every call; one that has not ended by then is ended by the client.
    const onCancel = (): void => end(Code.CANCELLED);
    return new ServerInterceptingCall(call, { start: (next) => next({ onReceiveMetadata, onCancel }) });
  }

  return {
    interceptor,
    within: (metadata, work) => {
      const known = contexts.get(metadata);
      return known === undefined ? work() : context.with(known, work);
    },
    refused: instruments.refused,
    overloaded: instruments.overloaded,
    mayOverload: instruments.mayOverload,
    refusedEarly: (path) => instruments.count(path.slice(1), Code.RESOURCE_EXHAUSTED, 0),
  };
}

const OVERLOADS: readonly Overload[] = ['in_flight', 'queue', 'deadline'];

function createInstruments(meter: Meter) {
  const calls = meter.createCounter('curfew_rpc_calls_total', {
    description: 'Calls answered, by method and code',
  });
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
    count: (rpc: string, code: Code, seconds: number): void => {
      calls.add(1, { rpc, code: Code[code] });
      duration.record(seconds, { rpc });
      if (code === Code.RESOURCE_EXHAUSTED) sheds.add(1);
    },
    refused: (reason: Reason): void => refusals.add(1, { reason }),
    overloaded: (why: Overload): void => overloads.add(1, { why }),
    mayOverload: (): void => {
      for (const why of OVERLOADS) overloads.add(0, { why });
    },
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

const headers: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata.getMap()),
  get: (metadata, name) => metadata.get(name).map(String),
};
