import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { describeError } from '../../../core/runtime/describe-error.ts';
import { createDatabase, type TestDatabase } from '../../support/postgres.ts';

test('an error keeps its name, message, code, place and causes', () => {
  const cause = Object.assign(new TypeError('no route'), { code: 'EHOSTUNREACH', host: 'canary' });
  const described = describeError(new Error('not now', { cause }));
  expect(described).toEqual({
    type: 'Error',
    message: 'not now',
    stack: expect.stringMatching(/^\s+at .*describe-error\.test\.ts/),
    cause: { type: 'TypeError', message: 'no route', code: 'EHOSTUNREACH', stack: expect.any(String) },
  });
});

test('what a caller sent stays out, though the error carries it', () => {
  const violations = [{ field: 'reason', description: 'seen "canary"' }];
  const error = new AccessError('FIELD_INVALID', 'reason: too long', { violations });
  expect(describeError(error)).toMatchObject({ reason: 'FIELD_INVALID', message: 'reason: too long' });
  expect(JSON.stringify(describeError(error))).not.toContain('canary');
});

test('what is thrown without being an error is not shown', () => {
  expect(describeError('canary')).toEqual({ type: 'string', message: 'thrown without an error' });
});

test('a message that looks like a place is not taken for one', () => {
  const described = describeError(errorOf(() => JSON.parse('{\n    at canary')));
  expect(JSON.stringify(described)).not.toContain('canary');
  expect(described.stack).toMatch(/^\s+at JSON.parse/);
});

test('a circle of causes ends', () => {
  const error = new Error('round');
  error.cause = error;
  expect(JSON.stringify(describeError(error)).match(/round/g)).toHaveLength(6);
});

test('the parser of JSON quotes the text, which is left out', () => {
  const described = describeError(errorOf(() => JSON.parse('{"reason": canary}')));
  expect(described.type).toBe('SyntaxError');
  expect(JSON.stringify(described)).not.toContain('canary');
});

describe('L5 an error of PostgreSQL', () => {
  let database: TestDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await createDatabase();
    client = new pg.Client({ connectionString: database.ownerUrl });
    await client.connect();
    await client.query('CREATE TABLE notes (text varchar(3) UNIQUE CHECK (text <> $$bad$$))');
    await client.query('INSERT INTO notes VALUES ($1)', ['abc']);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  test.each([
    ['INSERT INTO notes VALUES ($1)', 'abc', '23505'],
    ['INSERT INTO notes VALUES ($1)', 'bad', '23514'],
    ['SELECT $1::uuid', 'canary', '22P02'],
    ['SELECT $1::jsonb', 'canary', '22P02'],
    ['SELECT $1::timestamptz', 'canary', '22007'],
  ])('of %s shows its code, and neither rows nor parameters', async (statement, value, code) => {
    const error: unknown = await client.query(statement, [value]).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    const described = describeError(error);
    expect(described['code']).toBe(code);
    const { stack: _, ...shown } = described;
    expect(JSON.stringify(shown)).not.toContain(value);
  });
});

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
