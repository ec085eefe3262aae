import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles } from '../runtime/tls-files.ts';

/**
 * Server credentials from PEM files. A client certificate is asked for when there is a client CA, and never demanded: a caller may
 * bring a token instead. One that the CA did not sign counts as none.
 *
 * @throws Error naming the file that cannot be read, or saying that key and certificate do not fit
 */
export function tlsCredentials(files: TlsFiles): ServerCredentials {
  const context = {
    cert: readPem(files.certPath, 'certificate'),
    key: readPem(files.keyPath, 'key'),
    ...(files.clientCaPath === undefined ? {} : { ca: readPem(files.clientCaPath, 'client CA') }),
  };
  try {
    createSecureContext(context);
  } catch (cause) {
    const message = `TLS: ${files.certPath} and ${files.keyPath} are no certificate chain and its key in PEM form`;
    throw new Error(message, { cause });
  }
  return new TlsServerCredentials(context, files.clientCaPath !== undefined);
}

type PemContext = { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer };

/** grpc-js's own `createSsl` either demands a client certificate or asks for none. */
class TlsServerCredentials extends ServerCredentials {
  constructor(context: PemContext, requestCert: boolean) {
    super({ requestCert, rejectUnauthorized: false, minVersion: 'TLSv1.2' }, context);
  }

  _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`TLS: cannot read the ${what} file ${path}`, { cause });
  }
}
