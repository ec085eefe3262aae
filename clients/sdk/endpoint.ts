import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type ChannelCredentials, credentials } from '@grpc/grpc-js';
import { argumentError } from './curfew-error.ts';

/** PEM texts for TLS. */
export interface TlsOptions {
  /** The authorities to trust; the well-known ones unless said. */
  readonly ca?: string | Uint8Array;
  /** The client's certificate chain and key, for callers known by mTLS. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

/** Where a service is and how it is reached. */
export interface Endpoint {
  /** As given, for messages: `127.0.0.1:2200`. */
  readonly address: string;
  /** What grpc-js connects to. */
  readonly target: string;
  readonly credentials: ChannelCredentials;
  /** Without TLS; only ever to this machine, and never through a proxy. */
  readonly isPlaintext: boolean;
}

/** Where the replicas of one service are, at least one. */
export type Replicas = readonly [Endpoint, ...Endpoint[]];

export interface EndpointOptions {
  /** `host` or `host:port`; IPv6 in brackets. */
  readonly address: string;
  /** Used when the address names none. */
  readonly port: number;
  /** false = plaintext; by default plaintext to a loopback address and TLS to every other. */
  readonly tls: TlsOptions | false | undefined;
  /** How the address is called in errors. */
  readonly field: string;
  /** Whether it stands for several services, so that it can have no port. */
  readonly isHostOnly?: boolean;
}

/** Reads an address. @throws CurfewError INVALID_ARGUMENT when malformed, or when a token would leave the machine in plaintext */
export function resolveEndpoint(options: EndpointOptions): Endpoint {
  const { address, port, tls, field } = options;
  const parsed = parseAddress(address);
  if (parsed === undefined || (options.isHostOnly === true && parsed.port !== undefined)) {
    const wanted = options.isHostOnly === true ? 'a host without a port' : 'a host with or without a port';
    const example = options.isHostOnly === true ? 'curfew.example' : `curfew.example:${port}`;
    throw argumentError(field, `seen ${JSON.stringify(address)}, wanted ${wanted}, such as ${example}`);
  }
  const where = `${parsed.bracketed}:${parsed.port ?? port}`;
  const loopback = isLoopback(parsed.host);
  if (tls === false && !loopback)
    throw argumentError(
      field,
      `seen ${where} without TLS, wanted a loopback address or TLS: a token is never sent over a network in plaintext`,
    );
  if (tls === false || (tls === undefined && loopback)) {
    // A name could resolve to another machine.
    const literal = parsed.host === 'localhost' ? `127.0.0.1:${parsed.port ?? port}` : where;
    const target = `dns:///${literal}`;
    return { address: where, target, credentials: credentials.createInsecure(), isPlaintext: true };
  }
  const secure = tlsCredentials(tls ?? {});
  return { address: where, target: `dns:///${where}`, credentials: secure, isPlaintext: false };
}

/**
 * Reads the addresses of a service's replicas: a list, or one text with commas between.
 *
 * @throws CurfewError INVALID_ARGUMENT as `resolveEndpoint`, and for an empty list
 */
export function resolveReplicas(
  addresses: string | readonly string[],
  options: Omit<EndpointOptions, 'address'>,
): Replicas {
  const given = typeof addresses === 'string' ? addresses.split(',') : addresses;
  const [first, ...others] = given.map((address) => resolveEndpoint({ ...options, address: address.trim() }));
  if (first === undefined)
    throw argumentError(options.field, 'seen an empty list, wanted an address at least');
  return [first, ...others];
}

/** Whether only this machine has that host: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

interface ParsedAddress {
  readonly host: string;
  /** The host as it stands before a port. */
  readonly bracketed: string;
  readonly port: number | undefined;
}

function parseAddress(address: string): ParsedAddress | undefined {
  const match = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/.exec(
    address,
  );
  const { v6, host, port } = match?.groups ?? {};
  const portNumber = port === undefined ? undefined : Number(port);
  if (portNumber !== undefined && (portNumber < 1 || portNumber > 65_535)) return undefined;
  if (v6 !== undefined)
    return isIP(v6) === 6 ? { host: v6, bracketed: `[${v6}]`, port: portNumber } : undefined;
  return host === undefined ? undefined : { host, bracketed: host, port: portNumber };
}

function tlsCredentials({ ca, cert, key }: TlsOptions): ChannelCredentials {
  const pem = { ca: asBuffer(ca), cert: asBuffer(cert), key: asBuffer(key) };
  if ((pem.cert === null) !== (pem.key === null))
    throw argumentError('tls', 'seen only one of cert and key, wanted both or neither');
  try {
    // Later on, a text that is no certificate would only trust nobody; here it is said.
    if (pem.ca !== null) new X509Certificate(pem.ca);
    if (pem.cert !== null && pem.key !== null) createSecureContext({ cert: pem.cert, key: pem.key });
    return credentials.createSsl(pem.ca, pem.key, pem.cert);
  } catch (cause) {
    throw argumentError(
      'tls',
      'ca, cert or key is not what it must be, wanted PEM texts that fit together',
      cause,
    );
  }
}

function asBuffer(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}
