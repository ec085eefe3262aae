import { describe, expect, test } from 'vitest';
import { databaseUrlProblem, withDatabaseTls } from '../../../core/runtime/database-url.ts';

const remote = 'postgres://u:p@db.acme.test/curfew';
const caPath = '/etc/ca.pem';

describe('P11 the database URL does not weaken TLS', () => {
  test.each([
    'postgres://u:p@127.0.0.1/curfew',
    'postgres://u:p@localhost:5432/curfew?sslmode=disable',
    'postgresql://u@[::1]/curfew',
    'postgres:///curfew?host=/var/run/postgresql',
    `${remote}?sslmode=verify-full`,
    `${remote}?sslmode=require`,
    `${remote}?sslmode=verify-full&sslrootcert=/etc/ca.pem`,
  ])('P11 %s is good', (url) => {
    expect(databaseUrlProblem(url)).toBeUndefined();
  });

  test.each([
    remote,
    `${remote}?sslmode=no-verify`,
    `${remote}?sslmode=disable`,
    `${remote}?sslmode=prefer`,
    `${remote}?sslmode=verify-full&sslmode=disable`,
    `${remote}?sslmode=verify-full&ssl=0`,
    `${remote}?sslmode=require&uselibpqcompat=true`,
    `${remote}?sslnegotiation=direct`,
    `${remote}?sslrootcert=/etc/ca.pem`,
    'postgres://u:p@localhost/curfew?host=db.acme.test',
    'postgres://u:p@localhost/curfew?host=127.0.0.1&host=db.acme.test',
    'postgres://u:p@127.0.0.1/curfew?sslmode=no-verify',
    'postgres://u:p@127.0.0.1/curfew?ssl=no-verify',
    'postgres://u:p@127.0.0.1.evil.test/curfew',
    'db.acme.test',
    'https://db.acme.test/curfew',
  ])('P11 %s is refused', (url) => {
    expect(databaseUrlProblem(url)).toBeTypeOf('string');
  });

  test('P11 without TLS another machine is reached only where that is allowed', () => {
    const allowed = { isCleartextAllowed: true };
    expect(databaseUrlProblem(remote)).toContain('CURFEW_DATABASE_CLEARTEXT=1');
    expect(databaseUrlProblem(remote, allowed)).toBeUndefined();
    expect(databaseUrlProblem(`${remote}?sslmode=disable`, allowed)).toBeUndefined();
    expect(databaseUrlProblem(`${remote}?sslmode=no-verify`, allowed)).toContain('would verify nothing');
    expect(databaseUrlProblem(`${remote}?ssl=no-verify`, allowed)).toContain('neither "ssl"');
  });

  test('P11 an authority turns verified TLS on, and cannot be said beside sslmode=disable', () => {
    expect(databaseUrlProblem(remote, { caPath })).toBeUndefined();
    expect(databaseUrlProblem(`${remote}?sslmode=disable`, { caPath, isCleartextAllowed: true })).toContain(
      'CURFEW_DATABASE_CA is set',
    );
    const wanted = `${remote}?sslrootcert=%2Fetc%2Fca.pem&sslmode=verify-full`;
    expect(withDatabaseTls(remote, { caPath })).toBe(wanted);
    expect(withDatabaseTls(wanted, { caPath })).toBe(wanted);
  });

  test('P11 every mode that verifies is told to the driver as the one that says so', () => {
    expect(withDatabaseTls(`${remote}?sslmode=require`, {})).toBe(`${remote}?sslmode=verify-full`);
    expect(withDatabaseTls(`${remote}?sslmode=disable`, {})).toBe(`${remote}?sslmode=disable`);
    expect(withDatabaseTls(remote, {})).toBe(remote);
  });
});
