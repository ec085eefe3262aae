import type { DescMethod, DescService, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { Channel } from './channel.ts';
import type { CallOptions } from './patience.ts';

/** A service's methods by their local names. Each fails with a CurfewError and nothing else. */
export type ServiceClient<S extends DescService> = {
  readonly [K in keyof S['method']]: ClientMethod<S['method'][K]>;
};

/** Asks one method: a promise for a unary one, an async iterable for a server streaming one. */
export type ClientMethod<M extends Pick<DescMethod, 'input' | 'output' | 'methodKind'>> =
  M['methodKind'] extends 'unary'
    ? (request: MessageInitShape<M['input']>, options?: CallOptions) => Promise<MessageShape<M['output']>>
    : M['methodKind'] extends 'server_streaming'
      ? (
          request: MessageInitShape<M['input']>,
          options?: CallOptions,
        ) => AsyncIterable<MessageShape<M['output']>>
      : never;

/** Derives a typed client from a service's descriptor. */
export function createServiceClient<S extends DescService>(service: S, channel: Channel): ServiceClient<S> {
  const methods = service.methods.map((method) => {
    switch (method.methodKind) {
      case 'unary':
        return [method.localName, channel.unary.bind(undefined, method)];
      case 'server_streaming':
        return [method.localName, channel.serverStream.bind(undefined, method)];
      default:
        throw new TypeError(`${method.parent.typeName}.${method.name} is ${method.methodKind}, wanted unary`);
    }
  });
  return Object.fromEntries(methods) as ServiceClient<S>; // one entry for each method, by kind
}
