/** What one server takes; grpc-js's own defaults are "no limit" for nearly all of these. */
export interface RpcLimits {
  /** Bytes of one message in, decompressed. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentStreams: number;
  /** Connections at once; more are dropped. */
  readonly maxConnections: number;
  /** A connection that has not finished the TLS handshake after this, or sent nothing of HTTP/2 after this again, is closed. */
  readonly handshakeTimeoutMs: number;
  /** A call whose request has not ended after this is refused, unless it is a stream of requests. */
  readonly requestTimeoutMs: number;
  /** A stream of answers whose client takes none of them for this long is reset. */
  readonly maxUnreadMs: number;
  /** A connection without calls is closed after this. */
  readonly maxConnectionIdleMs: number;
  /** A connection is closed after this, so that clients spread over replicas again. */
  readonly maxConnectionAgeMs: number;
  /** How long its calls may then go on; those of withdrawn client authorities too. */
  readonly maxConnectionAgeGraceMs: number;
  /** How long a closed connection waits until the peer has closed its half as well. */
  readonly lingerMs: number;
  /** How often a silent peer is asked whether it lives. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** How long `close` lets calls finish. */
  readonly closeGraceMs: number;
}

export const defaultLimits: RpcLimits = {
  maxMessageBytes: 1_048_576,
  maxConcurrentStreams: 256,
  maxConnections: 10_000,
  handshakeTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  maxUnreadMs: 20_000,
  maxConnectionIdleMs: 300_000,
  maxConnectionAgeMs: 3_600_000,
  maxConnectionAgeGraceMs: 60_000,
  lingerMs: 5_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  closeGraceMs: 5_000,
};
