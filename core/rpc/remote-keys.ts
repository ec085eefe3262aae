import { createLocalJWKSet, errors } from 'jose';
import type { FindKey } from './issuer-keys.ts';

export interface RemoteKeysOptions {
  /** Told after each look at the issuer: of what went wrong, undefined when nothing did. */
  readonly onLook: (trouble: unknown) => void;
  /** Milliseconds from some start; replaced only by tests. */
  readonly monotonicMs?: () => number;
}

/** Keys are used this long before they are looked at again. */
const freshMs = 600_000;
/** And this long at most while the issuer cannot be reached. */
const longestMs = 3_600_000;
/** The issuer is asked once in this time, however many tokens name a key that it does not have. */
const cooldownMs = 30_000;
/** Or in this, while there are no keys to go on with. */
const retryMs = 5_000;
const timeoutMs = 5_000;
const maxBytes = 1_048_576;

interface Known {
  readonly find: FindKey;
  readonly readAtMs: number;
}

/** The keys at that URL, which alone is asked: redirects are not followed. A key is looked for anew when it is unknown. */
export function remoteKeys(url: URL, options: RemoteKeysOptions): FindKey {
  const { onLook, monotonicMs = () => performance.now() } = options;
  let known: Known | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let trouble: unknown;
  let asking: Promise<void> | undefined;

  const usable = (): Known | undefined =>
    known !== undefined && monotonicMs() - known.readAtMs < longestMs ? known : undefined;

  async function ask(): Promise<void> {
    askedAtMs = monotonicMs();
    try {
      known = { find: await fetchKeys(url), readAtMs: askedAtMs };
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    onLook(trouble);
    asking = undefined;
  }

  async function askIfDue(): Promise<void> {
    const pauseMs = usable() === undefined ? retryMs : cooldownMs;
    if (asking === undefined && monotonicMs() - askedAtMs >= pauseMs) asking = ask();
    await asking;
  }

  /** Those that are known, looked at again when they are old. In an outage nobody waits for the next look. */
  async function current(): Promise<Known> {
    if (known === undefined || monotonicMs() - known.readAtMs >= freshMs) {
      const asked = askIfDue();
      if (trouble === undefined || usable() === undefined) await asked;
    }
    const keys = usable();
    if (keys === undefined) throw trouble ?? new Error('the keys are too old');
    return keys;
  }

  return async (header, token) => {
    const keys = await current();
    try {
      return await keys.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await askIfDue();
      const newer = usable();
      if (newer === undefined || newer === keys) throw error;
      return await newer.find(header, token);
    }
  };
}

async function fetchKeys(url: URL): Promise<FindKey> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
    headers: { accept: 'application/json, application/jwk-set+json' },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`seen HTTP status ${response.status}, wanted 200`);
  }
  const keys: unknown = JSON.parse(await readText(response));
  // createLocalJWKSet checks the shape itself and throws JWKSInvalid
  return createLocalJWKSet(keys as Parameters<typeof createLocalJWKSet>[0]);
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new Error(`wanted at most ${maxBytes} bytes of keys`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
