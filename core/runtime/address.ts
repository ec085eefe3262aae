import { isIP } from 'node:net';

/** Where a server listens: a literal address and a port, 0 = any free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The text as an address: `127.0.0.1:2200`, `[::1]:2200` or `localhost:2200`; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  const { v6, host, port } = match?.groups ?? {};
  const portNumber = Number(port);
  if (port === undefined || portNumber > 65_535) {
    return undefined;
  }
  if (v6 !== undefined) {
    return isIP(v6) === 6 ? { host: v6, port: portNumber } : undefined;
  }
  if (host === 'localhost') {
    return { host: '127.0.0.1', port: portNumber };
  }
  return host !== undefined && isIP(host) === 4 ? { host, port: portNumber } : undefined;
}

export function formatAddress({ host, port }: Address): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach that host: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}
