import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chain, fromLedgerRow, leafOf, textDigest, toLedgerRow } from '../../../core/store/ledger-row.ts';
import { anyEvent, reviewed, withdrawn } from './ledger-events.ts';

const requestId = '3f0c4b0e-8a51-4b57-9d51-6f2a52b7a001';

test('an event comes back from its row as it was', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const row = toLedgerRow(event);
      expect(fromLedgerRow(row.body, row.text?.text)).toEqual(event);
    }),
    { numRuns: 500 },
  );
});

test('an event whose text was erased comes back without it', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const { text: _, ...facts } = { text: undefined, ...event };
      expect(fromLedgerRow(toLedgerRow(event).body, undefined)).toEqual(facts);
    }),
  );
});

test('L5 the body does not hold the text, only a salted digest of it', () => {
  const row = toLedgerRow(reviewed(requestId, 'my mother is ill'));
  expect(row.body).not.toContain('mother');
  expect(row.text?.salt).toHaveLength(16);
  const digest = textDigest(row.text?.salt ?? Buffer.alloc(0), 'my mother is ill');
  expect(JSON.parse(row.body)).toMatchObject({ textDigest: digest });
});

test('L5 the same text has another digest each time, so that it cannot be guessed from one', () => {
  const bodies = [1, 2].map(() => toLedgerRow(reviewed(requestId, 'yes')).body);
  expect(bodies[0]).not.toBe(bodies[1]);
});

test('an empty text is a text', () => {
  const row = toLedgerRow(reviewed(requestId, ''));
  expect(row.text?.text).toBe('');
  expect(fromLedgerRow(row.body, '')).toMatchObject({ text: '' });
});

test('an event without a text has neither text nor digest', () => {
  const row = toLedgerRow(withdrawn(requestId));
  expect(row.text).toBeUndefined();
  expect(row.body).not.toContain('textDigest');
});

test('the chain is the one the design writes down', () => {
  const sha256 = (...parts: readonly (string | Buffer)[]): Buffer => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const previous = sha256('previous');
  const leaf = sha256('\u0000', '{"kind":"x"}');
  expect(leafOf('{"kind":"x"}')).toEqual(leaf);
  expect(chain(previous, leaf)).toEqual(sha256('\u0001', previous, leaf));
  expect(textDigest(Buffer.from('salt'), 'tëxt')).toBe(sha256('salt', 'tëxt').toString('hex'));
});
