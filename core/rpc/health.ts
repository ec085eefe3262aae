import type { Server, ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

/** The gRPC health service of one server. */
export interface Health {
  setServing(service: string, serving: boolean): void;
  addTo(server: Server): void;
  /** Everything is not serving from now on, whatever is set. */
  stopServing(): void;
  /** Stops serving, and sends watchers home. */
  close(): void;
}

type WatchCall = ServerWritableStream<{ readonly service: string }, { readonly status: string }>;

/** @param names services known from the start, as not serving */
export function createHealth(names: readonly string[]): Health {
  const known = new Set(names);
  const watching = new Set<WatchCall>();
  const implementation = new HealthImplementation();
  let stopped = false;
  for (const name of names) {
    implementation.setStatus(name, 'NOT_SERVING');
  }

  function stopServing(): void {
    stopped = true;
    for (const name of known) {
      implementation.setStatus(name, 'NOT_SERVING');
    }
  }

  return {
    setServing(service, serving) {
      known.add(service);
      implementation.setStatus(service, serving && !stopped ? 'SERVING' : 'NOT_SERVING');
    },
    addTo(server) {
      implementation.addToServer({
        addService(definition, handlers) {
          server.addService(definition, guardWatch(handlers, known, watching));
        },
      });
    },
    stopServing,
    close() {
      stopServing();
      for (const call of watching) {
        call.end();
      }
    },
  };
}

/** The library keeps every name ever watched, and anybody may watch: names that nobody set are answered without it. */
function guardWatch(
  handlers: UntypedServiceImplementation,
  known: ReadonlySet<string>,
  watching: Set<WatchCall>,
): UntypedServiceImplementation {
  const { watch } = handlers;
  return {
    ...handlers,
    watch(call: WatchCall) {
      watching.add(call);
      call.once('cancelled', () => watching.delete(call));
      if (known.has(call.request.service)) {
        Reflect.apply(watch as (call: WatchCall) => void, handlers, [call]); // HealthImplementation defines it
      } else {
        call.write({ status: 'SERVICE_UNKNOWN' });
      }
    },
  };
}
