import { expect, onTestFinished, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { LedgerEvent } from '../../../core/access/event.ts';
import { follow } from '../../../core/replica/follow.ts';
import { transition } from '../../../core/store/transition.ts';
import { bySystem, decide, type GrantContext } from '../../../services/grant/context.ts';
import { FirstRevisions } from '../../../services/grant/first-revisions.ts';
import { migratedDatabase } from '../../core/store/database.ts';
import { withdrawn } from '../../core/store/ledger-events.ts';
import { patiently } from '../../core/store/patiently.ts';

const REQUEST_ID = 'b5b3b9f0-6f0f-4f0e-9d8e-0d6b8f3f5a11';
const ada = { type: 'User', id: 'ada' };

/** A context whose replica has an empty ledger, and what another process then applies that this one may not have heard of. */
async function scene() {
  const { open, urlOf } = await migratedDatabase();
  const database = open('grant');
  const log = { info: () => undefined, error: () => undefined };
  const followed = follow({ databaseUrl: urlOf('grant'), name: 'test', log });
  onTestFinished(() => followed.close());
  await expect.poll(() => followed.follower.revision, patiently).toBe(0n);
  const counts = { appended: () => undefined, refusedFolder: () => undefined, ranJob: () => undefined };
  const context: GrantContext = {
    database,
    revokeDatabase: database,
    followed,
    counts,
    firstRevisions: new FirstRevisions(),
  };
  const applied: LedgerEvent = {
    kind: 'ENTITIES_APPLIED',
    at: new Date(),
    actor: 'User::"root"',
    entities: [],
    text: JSON.stringify([{ uid: ada, attrs: {}, parents: [] }]),
  };
  const apply = () => transition(database, 0n, async () => ({ events: [applied], result: undefined }));
  const isKnown = (): boolean => followed.replica.directory.has(ada);
  return { context, apply, isKnown };
}

function unknown(): AccessError {
  return new AccessError('ENTITY_UNKNOWN', 'the directory does not have ada');
}

test('a refusal that stood on an older directory is not given', async () => {
  const { context, apply, isKnown } = await scene();
  await apply();
  const { result } = await decide(bySystem(context), async () => {
    if (!isKnown()) throw unknown();
    return { events: [], result: () => 'let in' };
  });
  expect(result).toBe('let in');
});

test('an answer without an append that stood on an older directory is not given', async () => {
  const { context, apply, isKnown } = await scene();
  await apply();
  const { result } = await decide(bySystem(context), async () => {
    const known = isKnown();
    return { events: [], result: () => known };
  });
  expect(result).toBe(true);
});

test('what was decided on an older directory is not written', async () => {
  const { context, apply, isKnown } = await scene();
  await apply();
  const { result, revision } = await decide(bySystem(context), async () => {
    const known = isKnown();
    return { events: [withdrawn(REQUEST_ID)], result: () => known };
  });
  expect({ result, revision }).toEqual({ result: true, revision: 2n });
});

test('a refusal on the newest directory stands', async () => {
  const { context, isKnown } = await scene();
  const refused = decide(bySystem(context), async () => {
    if (!isKnown()) throw unknown();
    return { events: [], result: () => 'let in' };
  });
  await expect(refused).rejects.toMatchObject({ reason: 'ENTITY_UNKNOWN' });
});

test('a refusal that comes with what it wrote down is given after one decision', async () => {
  const { context } = await scene();
  let decided = 0;
  const refused = decide(bySystem(context), async () => {
    decided += 1;
    const result = (): never => {
      throw unknown();
    };
    return { events: [withdrawn(REQUEST_ID)], result };
  });
  await expect(refused).rejects.toMatchObject({ reason: 'ENTITY_UNKNOWN' });
  expect(decided).toBe(1);
});

test('where a request begins is remembered in its history only, and not for ever', () => {
  const revisions = new FirstRevisions();
  const submitted = (requestId: string): LedgerEvent =>
    // as: of a submission only these are read
    ({ kind: 'REQUEST_SUBMITTED', requestId }) as LedgerEvent;
  revisions.appended([submitted('a'), withdrawn('a')], 8n, 'epoch');
  expect(revisions.of('a', 'epoch')).toBe(7n);
  expect(revisions.of('a', 'another')).toBeUndefined();
  for (let i = 0; i < 10_000; i += 1) revisions.appended([submitted(`b${i}`)], BigInt(9 + i), 'epoch');
  expect(revisions.of('a', 'epoch')).toBeUndefined();
  expect(revisions.of('b9999', 'epoch')).toBe(10_008n);
  revisions.appended([submitted('c')], 1n, 'another');
  expect(revisions.of('b9999', 'epoch')).toBeUndefined();
});
