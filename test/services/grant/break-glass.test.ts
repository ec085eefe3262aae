import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EndReason,
  GrantState,
  RequestAction,
  RequestState,
  Verdict,
} from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { decided, grantOf, grantsAs, instant, kindsOf, until } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const breakGlass = (resource: string, who = 'ada') =>
  submitted(stack, who, { resource: database(resource), seconds: 600, breakGlass: true });

async function owed(who: string) {
  return (await (await grantsAs(stack, who)).listOwedReviews({})).owed;
}

/** Asks for what is overdue of a request. */
const isOverdue = (id: string) => () =>
  stack.query('SELECT FROM owed_reviews WHERE request_id = $1 AND due_at <= clock_timestamp()', [id]);

interface Look {
  readonly items?: readonly number[];
  readonly verdict?: Verdict;
  readonly comment?: string;
}

/** Looks at it afterwards. */
async function look(
  who: string,
  id: string,
  { verdict = Verdict.APPROVE, comment = 'it was on fire', items = [] }: Look = {},
) {
  const grants = await grantsAs(stack, who);
  const { request } = await grants.getAccessRequest({ id });
  const requestHash = request?.requestHash ?? new Uint8Array(32);
  return await grants.reviewAccessRequest({ id, requestHash, verdict, comment, items: [...items] });
}

describe('break-glass', () => {
  it('W11 permits at once, says so in the ledger, and owes a review that is there to be found', async () => {
    const request = await breakGlass('glass-1', 'eve');
    expect([request.state, request.breakGlass]).toEqual([RequestState.APPROVED, true]);
    const id = grantIdOf(request);
    expect((await grantOf(stack, id, 'eve')).breakGlass).toBe(true);
    const [event] = await stack.query<{ body: string }>(
      "SELECT body FROM ledger WHERE grant_id = $1 AND kind = 'GRANT_STARTED'",
      [id],
    );
    expect(JSON.parse(event?.body ?? '')).toMatchObject({
      terms: { breakGlass: true },
      reviewDueAt: new Date(instant(request.createdAt).getTime() + 3_000).toISOString(),
    });
    for (const who of ['dee', 'eve', 'root']) {
      const [found] = (await owed(who)).filter(({ grant }) => grant?.id === id);
      expect(found?.step).toBe('security');
    }
    expect((await owed('ada')).filter(({ grant }) => grant?.id === id)).toEqual([]);
    await look('dee', request.id);
    expect(await owed('eve')).toEqual([]);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'BREAK_GLASS_REVIEWED']);
  });

  it('takes a reason, no start and a workflow of its own', async () => {
    const wish = { resource: database('glass-1'), breakGlass: true };
    const before = await countRows(stack);
    expect((await errorOf(submit(stack, 'ada', { ...wish, reason: ' ' }))).violations[0]?.field).toBe(
      'reason',
    );
    const startsAt = new Date(Date.now() + 60_000);
    expect((await errorOf(submit(stack, 'ada', { ...wish, startsAt }))).violations[0]?.field).toBe(
      'starts_at',
    );
    expect(await reasonOf(submit(stack, 'ada', { ...wish, resource: database('plain-1') }))).toBe(
      'NOT_REQUESTABLE',
    );
    expect(await reasonOf(submit(stack, 'ada', { ...wish, breakGlass: false }))).toBe('NOT_REQUESTABLE');
    expect(await reasonOf(submit(stack, 'ada', { ...wish, seconds: 3_600 }))).toBe('DURATION_TOO_LONG');
    expect(await countRows(stack)).toEqual(before);
  });

  it('W11 takes an approval while a review of the same person is overdue, and is free again after it', {
    timeout: 120_000,
  }, async () => {
    const first = await breakGlass('glass-1');
    await until(isOverdue(first.id), (overdue) => overdue.length > 0);
    expect((await owed('ada')).map(({ overdue }) => overdue)).toEqual([true]);
    const second = await breakGlass('glass-2');
    expect(second.state).toBe(RequestState.PENDING);
    expect(second.items[0]?.workflow?.steps.map(({ name }) => name)).toEqual(['security']);
    expect((await breakGlass('glass-2', 'sam')).state).toBe(RequestState.APPROVED);
    const { request: approved } = await vote(stack, 'dee', second);
    expect(approved?.state).toBe(RequestState.APPROVED);
    await look('dee', first.id);
    await look('dee', second.id);
    expect((await breakGlass('glass-3')).state).toBe(RequestState.APPROVED);
  });

  it('is ended by a review that says it should not have been', async () => {
    const request = await breakGlass('glass-1', 'sam');
    const id = grantIdOf(request);
    await look('dee', request.id, { verdict: Verdict.DENY });
    const grant = await grantOf(stack, id, 'sam');
    expect([grant.state, grant.endReason]).toEqual([GrantState.ENDED, EndReason.REVOKED]);
    expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED', 'BREAK_GLASS_REVIEWED', 'GRANT_ENDED']);
  });

  it('is not reviewed by its holder, by others, without a word, or twice', async () => {
    const request = await breakGlass('glass-3', 'sam');
    expect(request.allowedActions).not.toContain(RequestAction.REVIEW_AFTERWARDS);
    expect(await reasonOf(look('sam', request.id))).toBe('SELF_REVIEW');
    expect(await reasonOf(look('bob', request.id))).toBe('REQUEST_NOT_FOUND');
    expect((await errorOf(look('dee', request.id, { comment: '' }))).violations[0]?.field).toBe('comment');
    const { request: shown } = await (await grantsAs(stack, 'dee')).getAccessRequest({ id: request.id });
    expect(shown?.allowedActions).toContain(RequestAction.REVIEW_AFTERWARDS);
    await look('dee', request.id);
    expect(await reasonOf(look('dee', request.id))).toBe('REQUEST_NOT_PENDING');
  });

  it('W11 on what is deleted afterwards is looked at by whoever administers, for nobody else can say whose it was', async () => {
    const { directory } = (await stack.as('root')).services;
    const uid = { type: 'Database', id: 'glass-gone' };
    const parents = [{ type: 'Environment', id: 'glass' }];
    await directory.applyEntities({
      entities: [
        { uid, attributes: { owners: { kind: { case: 'setValue', value: { values: [] } } } }, parents },
      ],
    });
    const request = await breakGlass('glass-gone', 'sam');
    expect(await reasonOf(look('root', request.id))).toBe('REQUEST_NOT_FOUND');
    await directory.deleteEntities({ uids: [uid] });
    expect(await reasonOf(look('dee', request.id))).toBe('NOT_A_REVIEWER');
    const found = (await owed('root')).find((it) => it.request?.id === request.id);
    expect(found?.request?.allowedActions).toContain(RequestAction.REVIEW_AFTERWARDS);
    await look('root', request.id);
    expect((await owed('sam')).filter((it) => it.request?.id === request.id)).toEqual([]);
  });

  it('is reviewed by the items named, and one that is not there or owes nothing is refused', async () => {
    const sam = await grantsAs(stack, 'sam');
    const items = ['glass-1', 'glass-2'].map((id) => ({ resource: database(id), actions: [action('read')] }));
    const asked = { items, duration: { seconds: 600n }, reason: 'both at once', breakGlass: true };
    const { request = expect.unreachable() } = await sam.requestAccess(asked);
    const { id, requestHash } = request;
    const lookAt = async (...positions: readonly number[]) =>
      await (await grantsAs(stack, 'dee')).reviewAccessRequest({
        id,
        requestHash,
        verdict: Verdict.APPROVE,
        comment: 'it was on fire',
        items: [...positions],
      });
    const before = await countRows(stack);
    expect((await errorOf(lookAt(0, 7))).violations.map(({ field }) => field)).toEqual(['items']);
    expect(await countRows(stack)).toEqual(before);
    await lookAt(0);
    expect(await reasonOf(lookAt(0, 1))).toBe('REQUEST_NOT_PENDING');
    await lookAt();
    const { request: done } = await sam.getAccessRequest({ id });
    expect((await owed('sam')).filter((it) => it.request?.id === done?.id)).toEqual([]);
  });

  it('W9 what is owed comes in pages by when it is due, each once, and another list does not begin there', async () => {
    const made = [await breakGlass('glass-1', 'sam'), await breakGlass('glass-2', 'sam')];
    const sam = await grantsAs(stack, 'sam');
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = await sam.listOwedReviews({ pageSize: 1, pageToken });
      seen.push(...page.owed.map(({ request }) => request?.id ?? ''));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen.filter((id) => made.some((request) => request.id === id))).toEqual(made.map(({ id }) => id));
    expect(new Set(seen).size).toBe(seen.length);
    const { nextPageToken } = await sam.listAccessRequests({ pageSize: 1 });
    const error = await errorOf(sam.listOwedReviews({ pageToken: nextPageToken }));
    expect(error.violations.map(({ field }) => field)).toEqual(['page_token']);
    for (const { id } of made) await look('dee', id);
  });

  it('gives policies the word that it was', async () => {
    const ada = await submitted(stack, 'ada', {
      resource: database('glass-2'),
      actions: ['read', 'write'],
      breakGlass: true,
    });
    if (ada.state === RequestState.PENDING) await vote(stack, 'dee', ada);
    const revision = (
      await grantOf(
        stack,
        grantIdOf((await (await grantsAs(stack, 'ada')).getAccessRequest({ id: ada.id })).request),
      )
    ).revision;
    expect(await decided(stack, { resource: 'glass-2', revision })).toBe('ALLOW');
    expect(await decided(stack, { resource: 'glass-2', action: 'write', revision })).toBe('DENY');
  });

  it('I11 that lapses before the approval it needs is written so, though the vote comes too late', {
    timeout: 120_000,
  }, async () => {
    const first = await breakGlass('glass-1', 'eve');
    await until(isOverdue(first.id), (overdue) => overdue.length > 0);
    const second = await breakGlass('glass-2', 'eve');
    for (const of of [
      'request_items WHERE request_id',
      'open_steps WHERE request_id',
      'access_requests WHERE id',
    ]) {
      const [table, where] = of.split(' WHERE ');
      await stack.query(`UPDATE ${table} SET expires_at = clock_timestamp() WHERE ${where} = $1`, [
        second.id,
      ]);
    }
    expect(await reasonOf(look('dee', second.id))).toBe('REQUEST_NOT_PENDING');
    const kinds = await stack.query('SELECT kind FROM ledger WHERE request_id = $1 ORDER BY revision', [
      second.id,
    ]);
    expect(kinds).toEqual([{ kind: 'REQUEST_SUBMITTED' }, { kind: 'ITEM_EXPIRED' }]);
    await look('dee', first.id);
  });

  it('is looked at while another item of its request waits, when the item is named', {
    timeout: 120_000,
  }, async () => {
    const first = await breakGlass('glass-1', 'eve');
    await until(isOverdue(first.id), (overdue) => overdue.length > 0);
    const { request = expect.unreachable() } = await (await grantsAs(stack, 'eve')).requestAccess({
      items: ['glass-2', 'glass-3'].map((id) => ({ resource: database(id), actions: [action('read')] })),
      duration: { seconds: 60n },
      reason: 'both',
      breakGlass: true,
    });
    const items = [0];
    await look('dee', request.id, { items });
    const { request: half } = await (await grantsAs(stack, 'dee')).getAccessRequest({ id: request.id });
    expect(half?.items.map(({ allowedActions }) => allowedActions)).toEqual([
      [RequestAction.REVIEW_AFTERWARDS],
      [RequestAction.REVIEW],
    ]);
    const { request: looked } = await look('dee', request.id, { items, verdict: Verdict.DENY });
    expect(looked?.state).toBe(RequestState.PENDING);
    expect((await grantOf(stack, grantIdOf(looked), 'eve')).endReason).toBe(EndReason.REVOKED);
    const { request: whole } = await look('dee', request.id);
    expect(whole?.state).toBe(RequestState.APPROVED);
    await look('dee', first.id);
    await look('dee', request.id);
  });
});
