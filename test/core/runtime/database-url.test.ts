import { describe, expect, test } from 'vitest';
import { databaseUrlProblem } from '../../../core/runtime/database-url.ts';

describe('the database URL does not weaken TLS', () => {
  test.each([
    'postgres://u:p@127.0.0.1/curfew',
    'postgres://u:p@localhost:5432/curfew?sslmode=disable',
    'postgresql://u@[::1]/curfew',
    'postgres:///curfew?host=/var/run/postgresql',
    'postgres://u:p@db.acme.test/curfew?sslmode=verify-full',
    'postgres://u:p@db.acme.test/curfew?sslmode=require',
    'postgres://u:p@db.acme.test/curfew?sslmode=verify-full&sslrootcert=/etc/ca.pem',
  ])('%s is good', (url) => {
    expect(databaseUrlProblem(url)).toBeUndefined();
  });

  test.each([
    'postgres://u:p@db.acme.test/curfew',
    'postgres://u:p@db.acme.test/curfew?sslmode=no-verify',
    'postgres://u:p@db.acme.test/curfew?sslmode=disable',
    'postgres://u:p@db.acme.test/curfew?sslmode=prefer',
    'postgres://u:p@db.acme.test/curfew?sslmode=verify-full&sslmode=disable',
    'postgres://u:p@db.acme.test/curfew?sslmode=verify-full&ssl=0',
    'postgres://u:p@db.acme.test/curfew?sslmode=require&uselibpqcompat=true',
    'postgres://u:p@localhost/curfew?host=db.acme.test',
    'postgres://u:p@localhost/curfew?host=127.0.0.1&host=db.acme.test',
    'postgres://u:p@127.0.0.1.evil.test/curfew',
    'db.acme.test',
    'https://db.acme.test/curfew',
  ])('%s is refused', (url) => {
    expect(databaseUrlProblem(url)).toBeTypeOf('string');
  });
});
