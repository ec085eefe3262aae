import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from '../runtime/tls-files.ts';

/** What TLS is spoken with; PEM. */
export interface TlsContext {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Without it no client certificate is asked for. */
  readonly ca?: Buffer;
}

/**
 * Reads and proves the files.
 *
 * @throws Error naming the file that cannot be read, is no PEM or cut off, or holds an expired certificate; or saying that key and
 * certificate do not fit
 */
export function readTlsFiles(files: TlsFiles, now: Date): TlsContext {
  const { certPath, keyPath, clientCaPath } = files;
  const cert = readPem(certPath, 'certificate');
  const key = readPem(keyPath, 'key');
  const [leaf] = parseCertificates(cert, `the certificate file ${certPath}`);
  if (leaf !== undefined && leaf.validToDate <= now) {
    const expiry = leaf.validToDate.toISOString();
    throw new Error(`TLS: the certificate in ${certPath} expired at ${expiry}; put a current one there`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const message = `TLS: ${certPath} and ${keyPath} are no certificate chain and its key in PEM form`;
    throw new Error(message, { cause });
  }
  if (clientCaPath === undefined) {
    return { cert, key };
  }
  const ca = readPem(clientCaPath, 'client CA');
  parseCertificates(ca, `the client CA file ${clientCaPath}`);
  return { cert, key, ca };
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Error(`TLS: cannot read the ${what} file ${path}`, { cause });
  }
}

const beginning = '-----BEGIN CERTIFICATE-----';
const whole = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Every certificate of the file: OpenSSL would take those before the first bad one and say nothing of the rest. */
function parseCertificates(pem: Buffer, where: string): readonly X509Certificate[] {
  const text = pem.toString('latin1');
  const blocks = text.match(whole) ?? [];
  if (blocks.length === 0 || blocks.length !== text.split(beginning).length - 1) {
    const seen = blocks.length === 0 ? 'no whole certificate' : 'a certificate that is cut off';
    throw new Error(`TLS: ${where} has ${seen}, wanted certificates in PEM form`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Error(`TLS: ${where} has a certificate that cannot be read`, { cause });
  }
}
