import { sql } from 'kysely';
import { types } from 'pg';
import { parseUidKey } from '../access/entity.ts';
import type { Grant } from '../access/grant.ts';
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
  readonly reason: string;
  readonly ticket: string;
  /** Seconds, as a double: cheap to make and to read, and exact to less than a microsecond. */
  readonly starts_s: number;
  readonly expires_s: number;
}

/** All grants that had not ended when the transaction began. Equal subjects, resources and actions are one object. */
export async function readLiveGrants(trx: Trx): Promise<readonly Grant[]> {
  const grants: Grant[] = [];
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
    .select(sql<number>`date_part('epoch', starts_at)`.as('starts_s'))
    .select(sql<number>`date_part('epoch', expires_at)`.as('expires_s'))
    .where('state', '=', 'ACTIVE')
    .where('expires_at', '>', sql<Date>`transaction_timestamp()`)
    .$if(last !== undefined, (query) =>
      query.where(sql<boolean>`(expires_at, id) > (${instant(last?.expires_s ?? 0)}, ${last?.id})`),
    )
    .orderBy('expires_at')
    .orderBy('id')
    .limit(PAGE)
    .execute();
}

function grantReader(): (row: Row) => Grant {
  const uid = once(parseUidKey);
  const steps = once(parseTexts);
  const actions = once((text) => parseTexts(text).map(uid));
  return (row) => ({
    id: row.id,
    requestId: row.request_id,
    item: row.item,
    requester: uid(row.requester),
    subject: uid(row.subject),
    actions: actions(row.actions),
    resource: uid(row.resource),
    workflow: row.workflow,
    steps: steps(row.steps),
    reason: row.reason,
    ticket: row.ticket,
    startsAt: instant(row.starts_s),
    expiresAt: instant(row.expires_s),
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
