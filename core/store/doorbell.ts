import { Socket } from 'node:net';
import pg from 'pg';
import { clientConfigOf } from './client-config.ts';

export interface Doorbell {
  close(): void;
}

/** After a connection that listened: only it was lost, not the database. */
const RECONNECT_SOON_MS = 20;
const RECONNECT_MS = 1_000;
/** The first bell is heard at once; those that follow it so closely are one. */
const APART_MS = 5;

/**
 * Rings when the ledger has grown. Only a hint: the payload is ignored, and a bell that is never heard costs one polling
 * interval. Connects again by itself.
 */
export function listenForAppends(url: string, ring: () => void): Doorbell {
  /** Of the connection of now. Destroyed, not ended: a connection that hangs would not answer the farewell. */
  let socket: Socket | undefined;
  let retry: NodeJS.Timeout | undefined;
  let debounce: NodeJS.Timeout | undefined;
  let rangMs = Number.NEGATIVE_INFINITY;
  const heard = (): void => {
    debounce ??= setTimeout(
      () => {
        debounce = undefined;
        rangMs = performance.now();
        ring();
      },
      Math.max(rangMs + APART_MS - performance.now(), 0),
    );
  };
  const open = async (): Promise<void> => {
    const own = new Socket();
    socket = own;
    let pauseMs = RECONNECT_MS;
    const again = (): void => {
      own.destroy();
      if (socket !== own) return;
      socket = undefined;
      retry = setTimeout(() => void open(), pauseMs); // open never rejects
    };
    const client = clientOver(own, url);
    client.on('notification', heard);
    client.on('error', again);
    client.on('end', again);
    try {
      await client.connect();
      await client.query('LISTEN curfew_ledger');
      pauseMs = RECONNECT_SOON_MS;
      heard(); // what was appended while nobody listened
    } catch {
      again(); // a hint only: the polls go on, and report what is wrong with the database
    }
  };
  void open(); // never rejects
  return {
    close: () => {
      clearTimeout(retry);
      clearTimeout(debounce);
      const last = socket;
      socket = undefined;
      last?.destroy();
    },
  };
}

function clientOver(socket: Socket, url: string): pg.Client {
  return new pg.Client({
    ...clientConfigOf(url),
    application_name: 'curfew-doorbell',
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
    stream: () => socket,
  });
}
