import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface CertificateFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate authority in a folder of its own, made by openssl. */
export interface TestAuthority {
  readonly caPath: string;
  /** A certificate for these alternative names, in openssl's form: `DNS:localhost,IP:127.0.0.1`; none when empty. */
  issue(name: string, alternativeNames: string, terms?: Terms): Promise<CertificateFiles>;
  remove(): Promise<void>;
}

interface Terms {
  /** How long it is valid; 2 unless said, negative = it has expired. */
  readonly days?: number;
  /** More extensions, a line each in openssl's form. */
  readonly extensions?: readonly string[];
}

const run = promisify(execFile);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function createTestAuthority(): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-ca-'));
  const path = (name: string): string => join(folder, name);
  const self = ['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=Curfew test CA'];
  await run('openssl', [...self, '-keyout', path('ca.key'), '-out', path('ca.pem')]);
  return {
    caPath: path('ca.pem'),
    async issue(name, alternativeNames, { days = 2, extensions = [] } = {}) {
      const request = ['req', ...newKey, '-subj', `/CN=${name}`];
      await run('openssl', [...request, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`)]);
      const names = alternativeNames === '' ? [] : [`subjectAltName=${alternativeNames}`];
      await writeFile(path(`${name}.ext`), [...names, ...extensions, ''].join('\n'));
      const sign = ['x509', '-req', '-days', String(days), '-CA', path('ca.pem'), '-CAkey', path('ca.key')];
      const files = [
        '-in',
        path(`${name}.csr`),
        '-extfile',
        path(`${name}.ext`),
        '-out',
        path(`${name}.pem`),
      ];
      await run('openssl', [...sign, '-CAcreateserial', ...files]);
      return { certPath: path(`${name}.pem`), keyPath: path(`${name}.key`) };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

export async function readCertificate(
  files: CertificateFiles,
): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  return { cert: await readFile(files.certPath), key: await readFile(files.keyPath) };
}
