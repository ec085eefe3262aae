import { createServer } from 'node:net';
import { parseAddress } from '../../core/runtime/address.ts';

/** An address and the variable that moves it elsewhere. */
export interface Wanted {
  readonly variable: string;
  readonly address: string;
}

/** @throws Error naming the address that is taken and how to use another */
export async function requireFree(wanted: readonly Wanted[]): Promise<void> {
  for (const { variable, address } of wanted) {
    const parsed = parseAddress(address);
    if (parsed === undefined || (await isFree(parsed))) continue;
    const elsewhere = `${parsed.host}:${parsed.port + 1000}`;
    throw new Error(
      `${address} is taken: stop what listens there (another npm start?), or set ${variable}=${elsewhere}`,
    );
  }
}

async function isFree(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once('error', () => resolve(false));
  server.listen(address, () => server.close(() => resolve(true)));
  return await promise;
}
