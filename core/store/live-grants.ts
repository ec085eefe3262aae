import { sql } from 'kysely';
import { types } from 'pg';
import { parseUidKey } from '../access/entity.ts';
import type { GrantTerms, LiveGrant, LiveState } from '../access/grant.ts';
import { parseAsked, parseCasts } from './grant-row.ts';
import type { Trx } from './transition.ts';

/** Rows read by one statement, so that none runs into the statement timeout however much there is. */
const PAGE = 5_000;
const TEXT_ARRAY_OID = 1009;

/** As Postgres writes it: what the driver would parse of each row is parsed once of each text here. */
interface Row {
  readonly id: string;
  readonly request_id: string;
  readonly item: number;
  readonly requester: string;
  readonly subject: string;
  readonly actions: string;
  readonly resource: string;
  readonly workflow: string;
  readonly steps: string;
  readonly seats: string;
  readonly reason: string;
  readonly ticket: string;
  /** Seconds, as a double: cheap to make and to read, and exact to less than a microsecond. */
  readonly starts_s: number;
  readonly expires_s: number;
  readonly last_used_s: number | null;
  /** Of one that was used up, ENDED. */
  readonly state: LiveState | 'ENDED';
  readonly approvers: string;
  readonly casts: string | null;
  readonly asked: string | null;
  /** A double, as the driver makes a bigint of an int8. */
  readonly duration_ms: number;
  /** JSON, as of few grants only it differs. */
  readonly terms: string;
  readonly extensions: number;
  readonly uses_left: number | null;
}

/**
 * All grants that had not ended when the transaction began, and those used up whose time is not over, without a use left. Equal subjects,
 * resources and actions are one object.
 */
export async function readLiveGrants(trx: Trx): Promise<readonly LiveGrant[]> {
  const grants: LiveGrant[] = [];
  const toGrant = grantReader();
  for (let last: Row | undefined; ; ) {
    const page = await readPage(trx, last);
    for (const row of page) grants.push(toGrant(row));
    last = page.at(-1);
    if (page.length < PAGE) return grants;
  }
}

function readPage(trx: Trx, last: Row | undefined): Promise<readonly Row[]> {
  return trx
    .selectFrom('grants')
    .select(['id', 'request_id', 'item', 'requester', 'subject', 'resource', 'workflow', 'reason', 'ticket'])
    .select(sql<string>`actions::text`.as('actions'))
    .select(sql<string>`steps::text`.as('steps'))
    .select(sql<string>`seats::text`.as('seats'))
    .select(sql<number>`date_part('epoch', starts_at)`.as('starts_s'))
    .select(sql<number>`date_part('epoch', expires_at)`.as('expires_s'))
    .select(sql<number | null>`date_part('epoch', last_used_at)`.as('last_used_s'))
    .select(['state', 'extensions', 'uses_left', 'casts', 'asked'])
    .select(sql<string>`approvers::text`.as('approvers'))
    .select(sql<number>`duration_ms::float8`.as('duration_ms'))
    .select(TERMS.as('terms'))
    .where((where) => where.or([where('state', '<>', 'ENDED'), where('end_reason', '=', 'EXHAUSTED')]))
    .where('expires_at', '>', sql<Date>`transaction_timestamp()`)
    .$if(last !== undefined, (query) =>
      query.where(sql<boolean>`(expires_at, id) > (${instant(last?.expires_s ?? 0)}, ${last?.id})`),
    )
    .orderBy('expires_at')
    .orderBy('id')
    .limit(PAGE)
    .execute();
}

/** The members of `GrantTerms`, those that are left out included. */
const TERMS = sql<string>`json_build_object('breakGlass', break_glass,
  'onChange', CASE WHEN keep_on_change THEN 'keep' ELSE 'end' END, 'idleMs', idle_ms, 'maxExtensions', max_extensions)::text`;

function parseTerms(text: string): GrantTerms {
  const { idleMs, ...terms } = JSON.parse(text) as GrantTerms & { readonly idleMs: number | null }; // as TERMS builds it
  return { ...terms, ...(idleMs === null ? {} : { idleMs }) };
}

function grantReader(): (row: Row) => LiveGrant {
  const uid = once(parseUidKey);
  const steps = once(parseTexts);
  const seats = once((text) => parseTexts(text).map(Number));
  const uids = once((text) => parseTexts(text).map(uid));
  const terms = once(parseTerms);
  return (row) => ({
    id: row.id,
    requestId: row.request_id,
    item: row.item,
    requester: uid(row.requester),
    subject: uid(row.subject),
    approvers: uids(row.approvers),
    ...(row.casts === null ? {} : { casts: parseCasts(row.casts) }),
    actions: uids(row.actions),
    ...(row.asked === null ? {} : { asked: parseAsked(row.asked) }),
    resource: uid(row.resource),
    workflow: row.workflow,
    steps: steps(row.steps),
    seats: seats(row.seats),
    reason: row.reason,
    ticket: row.ticket,
    startsAt: instant(row.starts_s),
    expiresAt: instant(row.expires_s),
    durationMs: row.duration_ms,
    terms: terms(row.terms),
    extensions: row.extensions,
    usesLeft: row.uses_left ?? undefined,
    lastUsedAt: row.last_used_s === null ? undefined : instant(row.last_used_s),
    state: row.state === 'ENDED' ? 'ACTIVE' : row.state,
  });
}

/** Columns hold whole milliseconds. */
function instant(seconds: number): Date {
  return new Date(Math.round(seconds * 1_000));
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
