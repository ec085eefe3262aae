import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { EntityUid } from '../access/entity.ts';
import type { SignIn } from '../access/sign-in.ts';

/** Who calls, proved by a token or a client certificate and known to the directory. */
export interface Caller {
  readonly uid: EntityUid;
  /** Absent when a certificate names the caller, or a token that says nothing of it. */
  readonly signIn?: SignIn;
  /** When what proved it expires; a stream does not outlive it. */
  readonly expiresAt?: Date;
}

/** What a handler knows of the call beside the request. */
export interface CallContext {
  readonly caller: Caller;
  /** When the client stops waiting; absent when it waits for ever. */
  readonly deadline?: Date | undefined;
  /** Aborted when the client cancels, its connection breaks or the deadline passes; not any more once a unary call is answered. */
  readonly signal: AbortSignal;
  /** Size of the encoded request. */
  readonly requestBytes: number;
  /** Says that the call is as much work as so many. @throws AccessError OVERLOADED when there is no room for so many */
  readonly weigh: (calls: number) => void;
  /** The caller's bearer token as it was sent, for calls that another of Curfew's services makes on their behalf; absent when a certificate named them. */
  readonly authorization?: string | undefined;
}

/** Answers one method: a promise for a unary one, an async iterable for a server streaming one. */
type Handler<M extends Pick<DescMethod, 'input' | 'output' | 'methodKind'>> = M['methodKind'] extends 'unary'
  ?
      | ((request: MessageShape<M['input']>, call: CallContext) => Promise<MessageInitShape<M['output']>>)
      | InBytes
  : M['methodKind'] extends 'server_streaming'
    ? (request: MessageShape<M['input']>, call: CallContext) => AsyncIterable<MessageInitShape<M['output']>>
    : never;

/** Answers a unary method that is called so often that messages are not worth decoding each time; nothing checks its requests before. */
export interface InBytes {
  /** From the encoded request to the encoded response, at once or later. */
  readonly inBytes: AnswerInBytes;
}

type AnswerInBytes = (request: Uint8Array, call: CallContext) => Uint8Array | Promise<Uint8Array>;

/** A handler for every method of the service, by local name. */
export type Handlers<S extends DescService> = { readonly [K in keyof S['method']]: Handler<S['method'][K]> };

export interface RouteOptions {
  /** Whether requests are checked against the proto's validation rules before the handler sees them; true unless said. */
  readonly validate?: boolean;
}

/** One service and what answers it. Its handlers are typed by `route` and called through `methods`. */
export interface Route {
  readonly service: DescService;
  readonly validate: boolean;
  readonly methods: readonly RouteMethod[];
}

export type RouteMethod =
  | { readonly kind: 'unary'; readonly desc: DescMethod; readonly answer: UnaryAnswer }
  | { readonly kind: 'in_bytes'; readonly desc: DescMethod; readonly answer: AnswerInBytes }
  | { readonly kind: 'server_streaming'; readonly desc: DescMethod; readonly answer: StreamAnswer };

type UnaryAnswer = (
  request: MessageShape<DescMethod['input']>,
  call: CallContext,
) => Promise<MessageInitShape<DescMethod['output']>>;

type StreamAnswer = (
  request: MessageShape<DescMethod['input']>,
  call: CallContext,
) => AsyncIterable<MessageInitShape<DescMethod['output']>>;

/** Binds a service's descriptor to its handlers. */
export function route<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  options: RouteOptions = {},
): Route {
  const methods = service.methods.map((desc): RouteMethod => {
    const answer: unknown = Reflect.get(handlers, desc.localName);
    switch (desc.methodKind) {
      case 'unary':
        return typeof answer === 'function'
          ? { kind: 'unary', desc, answer: answer as UnaryAnswer } // Handlers<S> ties each name to its method's types
          : { kind: 'in_bytes', desc, answer: (answer as InBytes).inBytes }; // likewise
      case 'server_streaming':
        return { kind: 'server_streaming', desc, answer: answer as StreamAnswer }; // likewise
      default:
        throw new TypeError(
          `${service.typeName}.${desc.name} is ${desc.methodKind}; only unary and server streaming are served`,
        );
    }
  });
  return { service, validate: options.validate ?? true, methods };
}
