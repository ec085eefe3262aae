import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { readTlsFiles, type TlsContext } from './tls.ts';

/** TLS files as they are now. */
export interface WatchedTls {
  /** The last good ones. */
  readonly context: TlsContext;
  /** Told of each change, with the context before it. */
  readonly onChange: (listener: (context: TlsContext, before: TlsContext) => void) => void;
  readonly close: () => void;
}

const defaultLookMs = 5_000;

/**
 * Reads the files, and again every `files.lookMs`. What is half written, does not fit together or has expired changes nothing, and is
 * said once.
 *
 * @throws Error when they are not good to begin with
 */
export function watchTlsFiles(files: TlsFiles, logger: Logger): WatchedTls {
  const listeners: ((context: TlsContext, before: TlsContext) => void)[] = [];
  let context = readTlsFiles(files, new Date());
  let problem: string | undefined;

  function look(): void {
    const read = tryRead(files);
    if (read instanceof Error) {
      if (read.message !== problem) {
        problem = read.message;
        logger.error({ err: read }, `${read.message}; the certificates before stay in use`);
      }
      return;
    }
    problem = undefined;
    if (isSame(read, context)) {
      return;
    }
    const before = context;
    context = read;
    for (const listener of listeners) {
      listener(read, before);
    }
    logger.info({ certificate: files.certPath }, 'the TLS files have changed: new connections use them');
  }

  const looking = setInterval(look, files.lookMs ?? defaultLookMs).unref();
  return {
    get context() {
      return context;
    },
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(looking),
  };
}

function tryRead(files: TlsFiles): TlsContext | Error {
  try {
    return readTlsFiles(files, new Date());
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function isSame(one: TlsContext, other: TlsContext): boolean {
  return one.cert.equals(other.cert) && one.key.equals(other.key) && isSameAuthority(one, other);
}

/** Whether the same authorities name clients. */
export function isSameAuthority(one: TlsContext, other: TlsContext): boolean {
  return one.ca === undefined || other.ca === undefined ? one.ca === other.ca : one.ca.equals(other.ca);
}
