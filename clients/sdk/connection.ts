import { Client, connectivityState } from '@grpc/grpc-js';
import type { CurfewError } from './curfew-error.ts';
import type { Endpoint } from './endpoint.ts';

/** One connection to one replica. It is made when it is first wanted, and again whenever it is lost. */
export interface Connection {
  readonly address: string;
  /** What to call on; asked for each call, for it changes. */
  client(): Client;
  /** Whether a call could be sent at once. */
  isReady(): boolean;
  /** How long another is better, of the clock of `performance.now`; past or 0 when it is not. */
  doubtedUntilMs(): number;
  /** What became of a call on it: undefined when it was answered. */
  note(failure: CurfewError | undefined): void;
  /** Connects if it lies idle, as it does when the replica has sent it away. */
  wake(): void;
  /** Resolves when it is connected; rejects when that fails, or failed just now. */
  connect(): Promise<void>;
  close(): void;
}

const maxMessageBytes = 16 * 1024 * 1024;
/** How old a failure is at least before a call does not believe it and tries for itself. */
const failureStandsMs = 100;
/** After a call without any answer: longer than keepalive takes to find out that the peer is gone. */
const silentDoubtMs = 15_000;
/** After the answer that the replica is not ready, or behind. */
const unreadyDoubtMs = 1_000;

/** Prepares a connection; nothing is sent yet. */
export function openConnection(endpoint: Endpoint): Connection {
  let client = createClient(endpoint);
  let createdAt = performance.now();
  let doubtedUntil = 0;
  let attempt: Promise<void> | undefined;
  const stateOf = (): connectivityState => client.getChannel().getConnectivityState(false);

  /** A client that failed waits longer and longer before it tries again; a new one tries at once. */
  function renewFailed(): void {
    if (stateOf() !== connectivityState.TRANSIENT_FAILURE) return;
    if (performance.now() - createdAt < failureStandsMs) return;
    client.close();
    client = createClient(endpoint);
    createdAt = performance.now();
  }

  return {
    address: endpoint.address,
    client: () => client,
    isReady: () => stateOf() === connectivityState.READY,
    doubtedUntilMs: () => doubtedUntil,
    note(failure) {
      if (failure === undefined) doubtedUntil = 0;
      else if (failure.code === 'UNAVAILABLE') doubtedUntil = performance.now() + unreadyDoubtMs;
      // Curfew names a reason; who is dead or hangs says nothing.
      else if (failure.code === 'DEADLINE_EXCEEDED' && failure.reason === undefined)
        doubtedUntil = performance.now() + silentDoubtMs;
    },
    wake: () => void client.getChannel().getConnectivityState(true),
    connect() {
      renewFailed();
      attempt ??= untilConnected(client).finally(() => {
        attempt = undefined;
      });
      return attempt;
    },
    close: () => client.close(),
  };
}

function createClient({ target, credentials, isPlaintext }: Endpoint): Client {
  return new Client(target, credentials, {
    'grpc.max_receive_message_length': maxMessageBytes,
    // A service that was away is found again within seconds; the library's own bound is two minutes.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // A connection that died silently would swallow calls for a quarter of an hour.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 3_000,
    'grpc.keepalive_permit_without_calls': 1,
    // Two clients of one address are to have a connection each.
    'grpc.use_local_subchannel_pool': 1,
    // Nothing that DNS says may change how calls are made; of several addresses of a name each client takes one by chance.
    'grpc.service_config_disable_resolution': 1,
    'grpc.service_config': JSON.stringify({
      loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }],
      methodConfig: [],
    }),
    'grpc.enable_http_proxy': isPlaintext ? 0 : 1,
  });
}

function untilConnected(client: Client): Promise<void> {
  const channel = client.getChannel();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = (): void => {
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) resolve();
    else if (state === connectivityState.IDLE || state === connectivityState.CONNECTING)
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    else reject(new Error(connectivityState[state]));
  };
  look();
  return promise;
}
