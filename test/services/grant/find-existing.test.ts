import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, database, grantIdOf, submit } from './ask.ts';
import { granted, grantsAs } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** Asks for a grant with a reason, then again once something has happened to it; whether the second time gave what the first did. */
async function isSame(
  resource: string,
  { startsAt, happens = () => Promise.resolve() }: Between = {},
): Promise<readonly [boolean, boolean]> {
  const wish = { seconds: 600, reason: 'INC-1' };
  const id = await granted(stack, resource, { ...wish, ...(startsAt === undefined ? {} : { startsAt }) });
  await happens(id);
  const { existing, request } = await submit(stack, 'ada', { ...wish, resource: database(resource) });
  const isThere = request?.items[0]?.grantId === id;
  if (!isThere && request?.state === RequestState.APPROVED) expect(grantIdOf(request)).not.toBe(id);
  return [existing, isThere];
}

interface Between {
  readonly startsAt?: Date;
  readonly happens?: (id: string) => Promise<unknown>;
}

const HOUR_MS = 3_600_000;

describe('asked for again, access', () => {
  it.each(['auto-1', 'plain-1', 'claim-1'])('that there is, of %s, is what is there', async (resource) => {
    expect(await isSame(resource)).toEqual([true, true]);
  });

  it('that begins later is not what is there: it is asked for now', async () => {
    expect(await isSame('plain-2', { startsAt: new Date(Date.now() + 20 * HOUR_MS) })).toEqual([
      false,
      false,
    ]);
  });

  it('that has ended by lying unused is given anew', async () => {
    const lieUnused = (id: string) =>
      stack.query(
        "UPDATE grants SET starts_at = starts_at - interval '60 s', created_at = created_at - interval '60 s' WHERE id = $1",
        [id],
      );
    expect(await isSame('idle-1', { happens: lieUnused })).toEqual([false, false]);
  });

  it('by a grant that is locked is decided anew', async () => {
    const lock = async (grantId: string) =>
      await (await stack.as('dee')).services.locks.createLock({ grantId, reason: 'to look at it' });
    expect(await isSame('auto-2', { happens: lock })).toEqual([false, false]);
  });

  it('I9 is said to have been there as often as the same key is used', async () => {
    const ada = await grantsAs(stack, 'ada');
    const items = [{ resource: database('plain-3'), actions: [action('read')] }];
    const ask = (idempotencyKey: string) =>
      ada.requestAccess({ items, duration: { seconds: 60n }, reason: 'same', idempotencyKey });
    const answers = [await ask('a'), await ask('a'), await ask('b'), await ask('b')];
    expect(new Set(answers.map(({ request }) => request?.id)).size).toBe(1);
    expect(answers.map(({ existing }) => existing)).toEqual([false, false, true, true]);
  });
});
