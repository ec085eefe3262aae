import { CompiledQuery } from 'kysely';
import type { Trx } from '../../../core/store/transition.ts';
import type { Database } from '../../../core/store/connect.ts';
import { type LedgerVerdict, verifyAsSeen } from '../../../core/store/verify-ledger.ts';

/** One thing that the owner of the database does to a ledger, at random. */
export interface Tampering {
  readonly name: string;
  readonly statements: readonly string[];
}

type Random = () => number;
type Kind = (random: Random, length: number) => Tampering;

/** Any single tampering with a ledger of `makeLedger` of that length, the same for the same seed. */
export function tamperingOf(seed: number, length: number): Tampering {
  const random = randomOf(seed);
  const kind = KINDS[Math.floor(random() * KINDS.length)] ?? cutTail;
  return kind(random, length);
}

/** Tampers, verifies what is then there, and takes it back. */
export async function verifyTampered(owner: Database, tampering: Tampering): Promise<LedgerVerdict> {
  const verdict = Promise.withResolvers<LedgerVerdict>();
  const takenBack = new Error('taken back');
  await owner
    .transaction()
    .execute(async (trx) => {
      for (const statement of tampering.statements) await change(trx, statement);
      verdict.resolve(await verifyAsSeen(trx, 1n));
      throw takenBack;
    })
    .catch((error: unknown) => {
      if (error !== takenBack) verdict.reject(error);
    });
  return await verdict.promise;
}

async function change(trx: Trx, statement: string): Promise<void> {
  const { numAffectedRows = 0n } = await trx.executeQuery(CompiledQuery.raw(statement));
  if (numAffectedRows === 0n) throw new Error(`nothing was changed by ${statement}`);
}

/** Numbers from 0 to 1 (mulberry32). */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const upTo = (random: Random, most: number): number => 1 + Math.floor(random() * most);

/** Each with the row's own value in reach, so that it is another afterwards. */
const EDITS: readonly ((random: Random) => string)[] = [
  (random) => `at = at + ${upTo(random, 100_000)} * interval '1 millisecond'`,
  (random) => `at = at - ${upTo(random, 100_000)} * interval '1 millisecond'`,
  () => `at = 'infinity'`,
  () => `kind = CASE kind WHEN 'GRANT_STARTED' THEN 'GRANT_ENDED' ELSE 'GRANT_STARTED' END`,
  () => `kind = kind || ' '`,
  (random) => `actor = 'User::"${upTo(random, 1_000)}"'`,
  () => `actor = ''`,
  () => `request_id = gen_random_uuid()`,
  () => `request_id = CASE WHEN request_id IS NULL THEN gen_random_uuid() END`,
  () => `grant_id = gen_random_uuid()`,
  (random) => {
    const byte = Math.floor(random() * 32);
    return `previous_hash = set_byte(previous_hash, ${byte}, get_byte(previous_hash, ${byte}) # 85)`;
  },
  () => `previous_hash = decode(repeat('5a', 32), 'hex')`,
  () => `hash = sha256(hash)`,
  () => `hash = previous_hash`,
  () => `body = body || ' '`,
  () => `body = ''`,
  () => `body = replace(body, 'ada', 'eve')`,
  () => `body = reverse(body)`,
  (random) => `body = overlay(body placing '~' from 1 + ${upTo(random, 10_000)} % length(body))`,
  (random) => `body = overlay(body placing '' from 1 + ${upTo(random, 10_000)} % length(body) for 1)`,
];

const editColumn: Kind = (random, length) => {
  const row = upTo(random, length);
  const edit = EDITS[Math.floor(random() * EDITS.length)]?.(random) ?? '';
  return { name: `${edit} at ${row}`, statements: [`UPDATE ledger SET ${edit} WHERE revision = ${row}`] };
};

const editText: Kind = (random, length) => {
  const row = upTo(random, length / 2) * 2 - 1;
  const edit = random() < 0.5 ? `text = text || '.'` : `salt = sha256(salt)`;
  return {
    name: `${edit} at ${row}`,
    statements: [`UPDATE ledger_text SET ${edit} WHERE revision = ${row}`],
  };
};

const editHead: Kind = (random, length) => {
  const edits = [
    `hash = sha256(hash)`,
    `revision = revision - ${upTo(random, length - 2)}`,
    `revision = revision + ${upTo(random, length)}`,
    `basis_revision = ${upTo(random, length - 2) + 2}`,
    `basis_revision = 0`,
  ];
  const edit = edits[Math.floor(random() * edits.length)] ?? '';
  return { name: `head ${edit}`, statements: [`UPDATE ledger_head SET ${edit}`] };
};

const deleteRow: Kind = (random, length) => {
  const row = upTo(random, length);
  return { name: `row ${row} deleted`, statements: [`DELETE FROM ledger WHERE revision = ${row}`] };
};

const cutTail: Kind = (random, length) => {
  const from = upTo(random, length);
  return { name: `cut from ${from}`, statements: [`DELETE FROM ledger WHERE revision >= ${from}`] };
};

/** Columns that two rows exchange. */
const SWAPS = [
  'body',
  'at',
  'request_id',
  'hash',
  'previous_hash',
  'body hash',
  'at kind actor request_id grant_id body',
  'at kind actor request_id grant_id body previous_hash hash',
];

const swapRows: Kind = (random, length) => {
  const one = upTo(random, length);
  // Never itself.
  const other = 1 + ((one - 1 + upTo(random, length - 1)) % length);
  const columns = (SWAPS[Math.floor(random() * SWAPS.length)] ?? '').split(' ');
  const set = columns.map((column) => `${column} = other.${column}`).join(', ');
  return {
    name: `${columns.join()} of ${one} and ${other} swapped`,
    statements: [
      `UPDATE ledger SET ${set} FROM ledger AS other
       WHERE ledger.revision IN (${one}, ${other}) AND other.revision = ${one}::bigint + ${other} - ledger.revision`,
    ],
  };
};

const COLUMNS = 'at, kind, actor, request_id, grant_id, body, previous_hash, hash';

/** A copy of a row, put in between: the rows behind it make room, with their texts. */
const insertRow: Kind = (random, length) => {
  const [row, at] = [upTo(random, length), upTo(random, length)];
  const aside = length * 10;
  const moved = ['ledger', 'ledger_text'].flatMap((table) => [
    `UPDATE ${table} SET revision = revision + ${aside} WHERE revision >= ${at}`,
    `UPDATE ${table} SET revision = revision - ${aside} + 1 WHERE revision >= ${aside}`,
  ]);
  const copy = `INSERT INTO ledger (revision, ${COLUMNS}) SELECT ${at}, ${COLUMNS} FROM ledger WHERE revision = ${row < at ? row : row + 1}`;
  const head = random() < 0.5 ? [] : ['UPDATE ledger_head SET revision = revision + 1'];
  return {
    name: `row ${row} again at ${at}`,
    statements: [...(at > length - 1 ? moved.slice(0, 2) : moved), copy, ...head],
  };
};

const appendRow: Kind = (random, length) => {
  const row = upTo(random, length);
  const statement = `INSERT INTO ledger (revision, ${COLUMNS}) SELECT ${length + 1}, ${COLUMNS} FROM ledger WHERE revision = ${row}`;
  const head = random() < 0.5 ? [] : ['UPDATE ledger_head SET revision = revision + 1'];
  return { name: `row ${row} again behind the head`, statements: [statement, ...head] };
};

const addText: Kind = (random, length) => {
  const row = upTo(random, length / 2) * 2;
  return {
    name: `a text at ${row}, which has none`,
    statements: [`INSERT INTO ledger_text VALUES (${row}, '\\x00', 'more')`],
  };
};

const KINDS: readonly Kind[] = [
  // As often as all others together.
  ...Array.from({ length: 8 }, () => editColumn),
  editText,
  editHead,
  deleteRow,
  cutTail,
  swapRows,
  insertRow,
  appendRow,
  addText,
];
