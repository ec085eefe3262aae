import { once } from 'node:events';
import type { Server } from 'node:net';
import { type Address, formatAddress, isLoopback, parseAddress } from '../runtime/address.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';

/**
 * The address as it may be listened on.
 * @throws Error when it is malformed, or not loopback without TLS
 */
export function readAddress(text: string, tls: TlsFiles | undefined): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw new Error(`cannot listen on "${text}": wanted an address such as 127.0.0.1:2200 or [::1]:2200`);
  }
  if (tls === undefined && !isLoopback(address.host)) {
    const wanted =
      'without TLS wanted a loopback address such as 127.0.0.1; set CURFEW_TLS_CERT and CURFEW_TLS_KEY';
    throw new Error(`cannot listen on ${text}: ${wanted}`);
  }
  return address;
}

/** Listens. @returns the port @throws Error when the address is taken */
export async function bind(accepting: Server, address: Address): Promise<number> {
  try {
    accepting.listen(address);
    await once(accepting, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot listen on ${formatAddress(address)}: ${why}`, { cause });
  }
  const bound = accepting.address();
  return bound !== null && typeof bound === 'object' ? bound.port : address.port;
}
