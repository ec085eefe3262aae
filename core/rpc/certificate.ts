import { AccessError } from '../access/access-error.ts';
import { showSeen } from '../runtime/seen.ts';

/**
 * The one name that a client certificate gives its holder: a URI (SPIFFE) before a DNS name, without the prefix.
 *
 * @param subjectAltName as Node prints it: `URI:spiffe://acme/ci, DNS:ci.acme`
 * @param prefix names that begin otherwise are not believed
 * @throws AccessError CALLER_UNKNOWN when it gives none or several
 */
export function certificateName(subjectAltName: string, prefix: string): string {
  const names = splitNames(subjectAltName);
  for (const kind of ['URI:', 'DNS:']) {
    const fitting = names
      .filter((name) => name.startsWith(kind + prefix))
      .map((name) => name.slice(kind.length + prefix.length))
      .filter((name) => name !== '');
    const [only, ...others] = fitting;
    if (only !== undefined && others.length === 0) {
      return only;
    }
    if (only !== undefined) {
      throw refuse(
        subjectAltName,
        `exactly one ${kind.slice(0, -1)} name beginning with ${showSeen(prefix)}`,
      );
    }
  }
  throw refuse(subjectAltName, `a URI or DNS name beginning with ${showSeen(prefix)}`);
}

/** Node quotes a name that contains a separator, so that it cannot pass for two (CVE-2021-44532); such a name is never believed. */
function splitNames(subjectAltName: string): readonly string[] {
  const names = subjectAltName.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return names.map((name) => name.trim()).filter((name) => !name.includes('"'));
}

function refuse(subjectAltName: string, wanted: string): AccessError {
  const seen =
    subjectAltName === ''
      ? 'no alternative name (a common name does not count)'
      : `the alternative names ${showSeen(subjectAltName)}`;
  const message = `client certificate: seen ${seen}, wanted ${wanted}`;
  return new AccessError('CALLER_UNKNOWN', message);
}
