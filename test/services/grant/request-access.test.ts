import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, countRows, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const grants = async (who: string) => (await stack.as(who)).services.grants;

describe('a request', () => {
  it('whose workflow needs nobody is granted at once', async () => {
    const request = await submitted(stack, 'ada', { resource: database('scratch') });
    expect(request.state).toBe(RequestState.APPROVED);
    const { grant } = await (await grants('ada')).getGrant({ id: grantIdOf(request) });
    expect(grant?.state).toBe(GrantState.ACTIVE);
  });

  it('goes by one workflow per item, each with its own outcome', async () => {
    const client = await grants('ada');
    const { request } = await client.requestAccess({
      items: [
        { resource: database('scratch'), actions: [action('read')] },
        { resource: database('orders'), actions: [action('read')] },
        { resource: database('ledger'), actions: [action('read')] },
      ],
      reason: 'compare',
    });
    expect(request?.items.map((item) => item.workflow?.id)).toEqual(['auto', 'one', 'one']);
    expect(request?.items.map((item) => item.state)).toEqual([
      RequestState.APPROVED,
      RequestState.PENDING,
      RequestState.PENDING,
    ]);
    expect(request?.state).toBe(RequestState.PENDING);
    const bob = await grants('bob');
    const id = request?.id ?? '';
    const requestHash = request?.requestHash ?? new Uint8Array();
    await bob.reviewAccessRequest({ id, requestHash, verdict: 1, items: [1] });
    const { request: decided } = await bob.reviewAccessRequest({ id, requestHash, verdict: 2, items: [2] });
    expect(decided?.state).toBe(RequestState.PARTIALLY_APPROVED);
    expect(decided?.items.map((item) => item.state)).toEqual([
      RequestState.APPROVED,
      RequestState.APPROVED,
      RequestState.DENIED,
    ]);
  });

  it('takes the proposed duration of its workflow when none is said', async () => {
    const { request } = await (await grants('ada')).requestAccess({
      items: [{ resource: database('orders'), actions: [action('read')] }],
      reason: 'x',
    });
    expect(request?.duration?.seconds).toBe(1_800n);
  });

  it('names an action group and gets its members', async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-1' });
    expect(request.items[0]?.actions.map((uid) => uid.id)).toEqual(['write']);
    expect(await reasonOf(submit(stack, 'ada', { actions: ['change'] }))).toBe('NOT_REQUESTABLE');
  });

  it('for a container is shown with how much is inside', async () => {
    const request = await submitted(stack, 'ada', { resource: { type: 'Environment', id: 'prod' } });
    expect(request.items[0]?.memberCount).toBe(2n);
    const { revision } = await vote(stack, 'dee', request);
    const client = await stack.as('ada');
    const { effect } = await client.authorize({
      principal: { type: 'User', id: 'ada' },
      action: 'read',
      resource: database('ledger'),
      atLeastRevision: revision,
    });
    expect(effect).toBe('allow');
  });

  it('is answered the same for the same idempotency key, and refused for another body', async () => {
    const client = await grants('ada');
    const body = (reason: string) => ({
      items: [{ resource: database('orders'), actions: [action('read')] }],
      reason,
      idempotencyKey: 'key-1',
    });
    const first = await client.requestAccess(body('one'));
    const again = await client.requestAccess(body('one'));
    expect([again.request?.id, again.revision]).toEqual([first.request?.id, first.revision]);
    expect(await reasonOf(client.requestAccess(body('two')))).toBe('IDEMPOTENCY_KEY_REUSED');
    const other = await (await grants('eve')).requestAccess(body('one'));
    expect(other.request?.id).not.toBe(first.request?.id);
  });

  it('is only previewed with validate_only: workflow, steps, how many could fill them, and nothing is written', async () => {
    const before = await countRows(stack);
    const { request, revision } = await (await grants('eve')).requestAccess({
      items: [{ resource: database('orders'), actions: [action('write')] }],
      reason: 'x',
      ticket: 'CHG-1',
      validateOnly: true,
    });
    expect([request?.id, revision]).toEqual(['', 0n]);
    expect(request?.items[0]?.steps.map((step) => [step.name, step.seats, step.candidates])).toEqual([
      ['owner', 1, 2],
      ['security', 1, 2],
    ]);
    expect(await countRows(stack)).toEqual(before);
  });

  it('is seen by requester, subject and reviewers, and found by nobody else', async () => {
    const request = await submitted(stack, 'ada');
    for (const who of ['ada', 'bob', 'cy', 'dee']) {
      expect((await (await grants(who)).getAccessRequest({ id: request.id })).request?.id).toBe(request.id);
    }
    for (const who of ['eve', 'root']) {
      expect(await reasonOf((await grants(who)).getAccessRequest({ id: request.id }))).toBe(
        'REQUEST_NOT_FOUND',
      );
      const { requests } = await (await grants(who)).listAccessRequests({ pageSize: 500 });
      expect(requests.map((it) => it.id)).not.toContain(request.id);
    }
  });

  it('lapses when nobody answers in time, whether or not somebody looks', async () => {
    const request = await submitted(stack, 'ada', { actions: ['drop'] });
    const states: RequestState[] = [];
    for await (const seen of (await stack.as('ada')).watchAccess(request.id)) states.push(seen.state);
    expect(states).toEqual([RequestState.PENDING, RequestState.EXPIRED]);
    expect(await reasonOf(vote(stack, 'dee', request))).toBe('REQUEST_NOT_PENDING');
    const written = await stack.query(`SELECT state::text FROM request_items WHERE request_id = $1`, [
      request.id,
    ]);
    expect(written).toEqual([{ state: 'EXPIRED' }]);
  });

  it('is listed page by page, newest first, each once', async () => {
    for (let count = 0; count < 5; count += 1) await submitted(stack, 'eve');
    const client = await grants('eve');
    const ids: string[] = [];
    let pageToken = '';
    do {
      const page = await client.listAccessRequests({ pageSize: 2, pageToken, mine: true });
      expect(page.requests.length).toBeLessThanOrEqual(2);
      ids.push(...page.requests.map((it) => it.id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    const { requests } = await client.listAccessRequests({ pageSize: 500, mine: true });
    expect(ids).toEqual(requests.map((it) => it.id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is listed to its reviewers while they may still vote', async () => {
    const request = await submitted(stack, 'ada');
    const toReview = async (who: string) =>
      (await (await grants(who)).listAccessRequests({ toReview: true, pageSize: 500 })).requests.map(
        (it) => it.id,
      );
    expect(await toReview('bob')).toContain(request.id);
    expect(await toReview('ada')).not.toContain(request.id);
    await vote(stack, 'bob', request);
    expect(await toReview('bob')).not.toContain(request.id);
  });
});

describe('bad input is refused with the field, and nothing is written', () => {
  const item = { resource: database('orders'), actions: [action('read')] };
  const cases: readonly (readonly [string, object, string, string])[] = [
    ['no items', { items: [] }, 'FIELD_INVALID', 'items'],
    [
      '21 items',
      { items: Array.from({ length: 21 }, (_, i) => ({ ...item, resource: database(`d${i}`) })) },
      'FIELD_INVALID',
      'items',
    ],
    ['an item without actions', { items: [{ ...item, actions: [] }] }, 'FIELD_INVALID', 'items[0].actions'],
    [
      'an item without a resource',
      { items: [{ actions: [action('read')] }] },
      'FIELD_INVALID',
      'items[0].resource',
    ],
    ['one resource twice', { items: [item, item] }, 'FIELD_INVALID', 'items[1].resource'],
    [
      'an unknown action',
      { items: [{ ...item, actions: [action('fly')] }] },
      'ACTION_UNKNOWN',
      'items[0].actions[0]',
    ],
    [
      'an action of Curfew',
      { items: [{ ...item, actions: [{ type: 'Curfew::Action', id: 'approve' }] }] },
      'ACTION_UNKNOWN',
      'items[0].actions[0]',
    ],
    [
      'an action that takes no grant',
      { items: [{ ...item, actions: [action('ping')] }] },
      'ACTION_TAKES_NO_GRANT',
      'items[0].actions[0]',
    ],
    [
      'an unknown entity type',
      { items: [{ ...item, resource: { type: 'Boat', id: 'x' } }] },
      'ENTITY_TYPE_UNKNOWN',
      'items[0].resource',
    ],
    [
      'a resource that does not exist',
      { items: [{ ...item, resource: database('nope') }] },
      'ENTITY_UNKNOWN',
      'items[0].resource',
    ],
    [
      'a resource that the action does not apply to',
      { items: [{ ...item, resource: { type: 'Printer', id: 'inky' } }] },
      'FIELD_INVALID',
      'items[0].resource',
    ],
    [
      'a subject that does not exist',
      { subject: { type: 'User', id: 'nobody' } },
      'ENTITY_UNKNOWN',
      'subject',
    ],
    ['a group as subject', { subject: { type: 'Group', id: 'staff' } }, 'FIELD_INVALID', 'subject'],
    [
      'an unknown workflow',
      { items: [{ ...item, workflow: 'quick' }] },
      'WORKFLOW_UNKNOWN',
      'items[0].workflow',
    ],
    [
      'a workflow for somebody else',
      { items: [{ ...item, workflow: 'robots' }] },
      'WORKFLOW_UNKNOWN',
      'items[0].workflow',
    ],
    ['duration zero', { duration: { seconds: 0n } }, 'FIELD_INVALID', 'duration'],
    ['a negative duration', { duration: { seconds: -5n } }, 'FIELD_INVALID', 'duration'],
    ['a duration too long', { duration: { seconds: 7_201n } }, 'DURATION_TOO_LONG', 'duration'],
    ['a duration of centuries', { duration: { seconds: 315_000_000_000n } }, 'FIELD_INVALID', 'duration'],
    ['an empty reason', { reason: '' }, 'FIELD_INVALID', 'reason'],
    ['an idempotency key with a space', { idempotencyKey: 'a b' }, 'FIELD_INVALID', 'idempotency_key'],
    [
      'an idempotency key of 65 characters',
      { idempotencyKey: 'k'.repeat(65) },
      'FIELD_INVALID',
      'idempotency_key',
    ],
  ];

  it.each(cases)('%s', async (_, change, reason, field) => {
    const client = await grants('ada');
    const before = await countRows(stack);
    const error = await errorOf(client.requestAccess({ items: [item], reason: 'x', ...change }));
    expect([error.code, error.reason]).toEqual(['INVALID_ARGUMENT', reason]);
    expect(error.violations.map((violation) => violation.field)).toContain(field);
    expect(await countRows(stack)).toEqual(before);
    expect(
      (await client.requestAccess({ items: [item], reason: 'the next good call', validateOnly: true }))
        .request,
    ).toBeDefined();
  });

  it('a ticket that the workflow does not take', async () => {
    const error = await errorOf(submit(stack, 'ada', { actions: ['write'], ticket: 'soon' }));
    expect(error.violations[0]?.field).toBe('ticket');
    expect(error.message).toContain('CHG-[0-9]+');
  });

  it('a request that nobody could answer names the step', async () => {
    const before = await countRows(stack);
    const error = await errorOf(
      submit(stack, 'ada', { resource: { type: 'Printer', id: 'inky' }, actions: ['feed'] }),
    );
    expect([error.code, error.reason]).toEqual(['FAILED_PRECONDITION', 'UNANSWERABLE']);
    expect(error.message).toContain('printer-keeper');
    expect(await countRows(stack)).toEqual(before);
  });

  it('what no workflow lets the subject request', async () => {
    expect(await reasonOf(submit(stack, 'root'))).toBe('NOT_REQUESTABLE');
    expect(await reasonOf(submit(stack, 'ada', { subject: { type: 'User', id: 'bob' } }))).toBe(
      'NOT_REQUESTABLE',
    );
  });
});
