import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPoll, type Cursor, inOrder } from '../../../core/feed/prove.ts';
import { GENESIS_HASH, type PlacedEvent, type Poll } from '../../../core/store/ledger.ts';
import { chain, toLedgerRow } from '../../../core/store/ledger-row.ts';
import { reviewed } from '../store/ledger-events.ts';

const epoch = randomUUID();
const rows = placed(10);

test('an answer that continues ours is good, whole or in part', () => {
  for (const at of [0, 3, 10])
    for (const to of [3, 10].filter((it) => it > at || it === 10))
      expect(checkPoll(pollOf(at, { events: rows.slice(at, to) }), cursorAt(at))).toBeUndefined();
});

test('D18 a standby is refused whatever it answers', () => {
  expect(checkPoll(pollOf(3, { isStandby: true }), cursorAt(3))).toBe(
    'the database is a standby, which may lag: follow the writer',
  );
});

test('D10 another epoch is refused: the database was restored', () => {
  expect(checkPoll(pollOf(3, { epoch: randomUUID() }), cursorAt(3))).toBe(
    'the epoch has changed: the database was restored',
  );
});

test('D9 a history in which our row is another is refused', () => {
  const hashAtCursor = Buffer.alloc(32, 9);
  expect(checkPoll(pollOf(3, { hashAtCursor }), cursorAt(3))).toBe(
    'the row that was read last has another hash',
  );
});

test('D9 a history that ends before our row is refused', () => {
  const poll = pollOf(3, { hashAtCursor: undefined, events: [], headRevision: 2n });
  expect(checkPoll(poll, cursorAt(3))).toBe('the row that was read last is gone');
});

test('D8 a row that is missing anywhere in the answer is noticed', () => {
  for (let missing = 4; missing < 10; missing++) {
    const events = rows.filter((row) => row.revision > 3n && row.revision !== BigInt(missing));
    expect(checkPoll(pollOf(3, { events }), cursorAt(3))).toBe(
      `revision ${missing + 1} follows ${missing - 1}: rows are missing`,
    );
  }
});

test('D8 an empty answer while the head is beyond is noticed', () => {
  expect(checkPoll(pollOf(3, { events: [] }), cursorAt(3))).toBe(
    'nothing follows 3, but the head is at 10: rows are missing',
  );
});

test('D8 a row that is not linked to the one before is noticed', () => {
  const events = rows
    .slice(3)
    .map((row) => (row.revision === 6n ? { ...row, previousHash: Buffer.alloc(32) } : row));
  expect(checkPoll(pollOf(3, { events }), cursorAt(3))).toBe('revision 6 is not linked to the row before it');
});

test('a last row that is not the one the head names is noticed', () => {
  expect(checkPoll(pollOf(3, { headHash: Buffer.alloc(32) }), cursorAt(3))).toBe(
    'revision 10 is not the row that the head names',
  );
  expect(checkPoll(pollOf(10, { headHash: Buffer.alloc(32) }), cursorAt(10))).toBe(
    'revision 10 is not the row that the head names',
  );
});

test('rows beyond the head are noticed', () => {
  expect(checkPoll(pollOf(3, { headRevision: 9n }), cursorAt(3))).toBe(
    'revision 10 is beyond the head, which is at 9',
  );
});

test('D8 an answer from which any rows were dropped is never handed on beyond the gap', () => {
  fc.assert(
    fc.property(fc.nat(9), fc.subarray([...rows]), (at, left) => {
      const events = left.filter((row) => row.revision > BigInt(at));
      const fault = checkPoll(pollOf(at, { events }), cursorAt(at));
      const isPrefix = events.length > 0 && events.every((row, i) => row.revision === BigInt(at + i + 1));
      expect(fault === undefined).toBe(isPrefix);
    }),
  );
});

test('D7 any permutation and duplication of a batch is put in order, each row once', () => {
  const copies = fc.integer({ min: 1, max: 3 });
  const shuffled = fc.array(copies, { minLength: rows.length, maxLength: rows.length }).chain((times) => {
    const all = rows.flatMap((row, i) => Array.from({ length: times[i] ?? 1 }, () => row));
    return fc.shuffledSubarray(all, { minLength: all.length });
  });
  fc.assert(
    fc.property(shuffled, (events) => {
      expect(inOrder(events)).toEqual(rows);
    }),
  );
});

test('two different rows of one revision both stay, so that the answer is refused', () => {
  const forged = { ...placed(1, 'forged')[0], revision: 5n } as PlacedEvent; // one row was asked for
  const events = inOrder([...rows, forged]);
  expect(events).toHaveLength(11);
  expect(checkPoll(pollOf(0, { events }), cursorAt(0))).toBe('revision 5 follows 5: rows are missing');
});

/** A ledger as transitions would write it. */
function placed(length: number, text = 'x'): readonly PlacedEvent[] {
  let previousHash: Buffer = GENESIS_HASH;
  return Array.from({ length }, (_, i) => {
    const event = reviewed(randomUUID(), text);
    const row: PlacedEvent = {
      revision: BigInt(i + 1),
      previousHash,
      hash: chain(previousHash, toLedgerRow(event).leaf),
      event,
    };
    previousHash = row.hash;
    return row;
  });
}

function hashAt(revision: number): Buffer {
  return rows[revision - 1]?.hash ?? GENESIS_HASH;
}

function cursorAt(revision: number): Cursor {
  return { epoch, revision: BigInt(revision), hash: hashAt(revision) };
}

function pollOf(revision: number, changes: Partial<Poll>): Poll {
  return {
    epoch,
    isStandby: false,
    databaseAt: new Date(),
    headRevision: BigInt(rows.length),
    headHash: hashAt(rows.length),
    hashAtCursor: hashAt(revision),
    events: rows.slice(revision),
    ...changes,
  };
}
