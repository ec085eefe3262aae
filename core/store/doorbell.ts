import pg from 'pg';

export interface Doorbell {
  close(): Promise<void>;
}

const RECONNECT_MS = 1_000;
/** Many bells at once are one. */
const DEBOUNCE_MS = 5;

/**
 * Rings when the ledger has grown. Only a hint: the payload is ignored, and a bell that is never heard costs one polling
 * interval. Connects again by itself.
 */
export function listenForAppends(url: string, ring: () => void): Doorbell {
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let debounce: NodeJS.Timeout | undefined;
  let closed = false;

  const open = async (): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'curfew-doorbell',
      keepAlive: true,
      connectionTimeoutMillis: 2_000,
    });
    client = fresh;
    fresh.on('notification', () => {
      debounce ??= setTimeout(() => {
        debounce = undefined;
        ring();
      }, DEBOUNCE_MS);
    });
    fresh.on('error', () => again(fresh));
    fresh.on('end', () => again(fresh));
    try {
      await fresh.connect();
      await fresh.query('LISTEN curfew_ledger');
    } catch {
      again(fresh); // a hint only: the polls go on, and report what is wrong with the database
    }
  };
  const again = (failed: pg.Client): void => {
    if (closed || client !== failed) return;
    client = undefined;
    retry = setTimeout(() => void open(), RECONNECT_MS); // open never rejects
    void failed.end().catch(() => undefined); // it has failed already
  };

  void open(); // never rejects
  return {
    close: async () => {
      closed = true;
      clearTimeout(retry);
      clearTimeout(debounce);
      await client?.end();
    },
  };
}
