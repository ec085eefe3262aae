import { type RawBuilder, sql } from 'kysely';
import { types } from 'pg';
import type { CompactGrant, GrantCommon } from '../access/compact-grant.ts';
import { parseUidKey } from '../access/entity.ts';
import { GrantTable } from '../access/grant-table.ts';
import { type GrantTerms, type LiveState, PLAIN_TERMS } from '../access/grant.ts';
import { parseAsked, parseCasts } from './grant-row.ts';
import { pagesOf } from './pages.ts';
import type { Trx } from './transition.ts';

const TEXT_ARRAY_OID = 1009;

/** As Postgres writes it. What is as nearly always is NULL, which costs nothing to send and to read. */
interface Row {
  readonly id: string;
  readonly request_id: string;
  /** NULL = the subject. */
  readonly requester: string | null;
  readonly subject: string;
  readonly resource: string;
  readonly reason: string;
  readonly ticket: string | null;
  /** Seconds, as a double: cheap to make and to read, and exact to less than a microsecond. */
  readonly starts_s: number;
  readonly expires_s: number;
  readonly last_used_s: number | null;
  readonly uses_left: number | null;
  readonly casts: string | null;
  readonly asked: string | null;
  /** What many grants have alike, in one text that is parsed once: a part a line, for no name or key has a line break in it. */
  readonly common: string;
}

/**
 * All grants that had not ended when the transaction began, and those used up whose time is not over, without a use left, in no order. What
 * is equal among them is one object.
 */
export async function readLiveGrants(trx: Trx): Promise<GrantTable> {
  const grants = new GrantTable();
  const toGrant = grantReader();
  const query = sql<Row>`${rowsWhere(LIVE)} UNION ALL ${rowsWhere(USED_UP)}`;
  for await (const rows of pagesOf(trx, query)) for (const row of rows) grants.add(toGrant(row));
  return grants;
}

/** Two conditions, each with an index of its own: one with OR would look at every grant that ever was. */
const LIVE = sql`state <> 'ENDED'`;
const USED_UP = sql`end_reason = 'EXHAUSTED'`;

function rowsWhere(condition: RawBuilder<unknown>): RawBuilder<Row> {
  return sql`
    SELECT id, request_id, nullif(requester, subject) AS requester, subject, resource, reason, nullif(ticket, '') AS ticket,
      date_part('epoch', starts_at) AS starts_s, date_part('epoch', expires_at) AS expires_s,
      date_part('epoch', last_used_at) AS last_used_s, uses_left, casts, asked,
      concat_ws(E'\\n', item, state, duration_ms, extensions, ${TERMS}, actions, approvers, steps, seats, workflow) AS common
    FROM grants WHERE ${condition} AND expires_at > transaction_timestamp()`;
}

/** The members of `GrantTerms`, those that are left out included; nothing for plain ones. */
const TERMS = sql<string>`CASE WHEN break_glass OR keep_on_change OR idle_ms IS NOT NULL OR max_extensions > 0
  THEN json_build_object('breakGlass', break_glass, 'onChange', CASE WHEN keep_on_change THEN 'keep' ELSE 'end' END,
    'idleMs', idle_ms, 'maxExtensions', max_extensions)::text ELSE '' END`;

function parseTerms(text: string): GrantTerms {
  const { idleMs, ...terms } = JSON.parse(text) as GrantTerms & { readonly idleMs: number | null }; // as TERMS builds it
  return { ...terms, ...(idleMs === null ? {} : { idleMs }) };
}

function grantReader(): (row: Row) => CompactGrant {
  const common = once(commonReader());
  return (row) => {
    const { casts, asked } = row;
    return {
      id: row.id,
      requestId: row.request_id,
      requester: row.requester ?? row.subject,
      subject: row.subject,
      resource: row.resource,
      reason: row.reason,
      ticket: row.ticket ?? '',
      usesLeft: row.uses_left ?? undefined,
      startsMs: milliseconds(row.starts_s),
      expiresMs: milliseconds(row.expires_s),
      lastUsedMs: row.last_used_s === null ? undefined : milliseconds(row.last_used_s),
      common:
        casts === null && asked === null ? common(row.common) : withOwn(common(row.common), casts, asked),
    };
  };
}

function withOwn(common: GrantCommon, casts: string | null, asked: string | null): GrantCommon {
  return {
    ...common,
    ...(casts === null ? {} : { casts: parseCasts(casts) }),
    ...(asked === null ? {} : { asked: parseAsked(asked) }),
  };
}

/** What is alike within what is alike is one object too. */
function commonReader(): (text: string) => GrantCommon {
  const uid = once(parseUidKey);
  const texts = once(parseTexts);
  const numbers = once((text) => parseTexts(text).map(Number));
  const uids = once((text) => parseTexts(text).map(uid));
  const terms = once(parseTerms);
  return (text) => {
    const parts = text.split('\n');
    if (!isCommon(parts)) throw new Error(`a grant with a line break in a name: ${text}`);
    const [item, state, durationMs, extensions, own, actions, approvers, steps, seats, workflow] = parts;
    return {
      workflow,
      actions: uids(actions),
      steps: texts(steps),
      seats: numbers(seats),
      approvers: uids(approvers),
      item: Number(item),
      state: state === 'ENDED' ? 'ACTIVE' : state,
      durationMs: Number(durationMs),
      extensions: Number(extensions),
      terms: own === '' ? PLAIN_TERMS : terms(own),
    };
  };
}

const COMMON_PARTS = 10;
type CommonTexts = readonly [
  item: string,
  /** Of one that was used up, ENDED. */
  state: LiveState | 'ENDED',
  durationMs: string,
  extensions: string,
  terms: string,
  actions: string,
  approvers: string,
  steps: string,
  seats: string,
  workflow: string,
];

/** The parts of `common` come from `rowsWhere`, whole or with a line break that has no place in them. */
function isCommon(parts: readonly string[]): parts is CommonTexts {
  return parts.length === COMMON_PARTS;
}

/** Columns hold whole milliseconds. */
function milliseconds(seconds: number): number {
  return Math.round(seconds * 1_000);
}

/** The parse, done once for each text. */
function once<T>(parse: (text: string) => T): (text: string) => T {
  const done = new Map<string, T>();
  return (text) => {
    const known = done.get(text);
    if (known !== undefined) return known;
    const made = parse(text);
    done.set(text, made);
    return made;
  };
}

// As of any number: the driver's own list of types lacks arrays.
const parserOf: (oid: number) => (text: string) => readonly string[] = types.getTypeParser;

/** Of a `text[]` as Postgres writes it. */
const parseTexts = parserOf(TEXT_ARRAY_OID);
