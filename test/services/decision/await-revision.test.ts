import { afterEach, beforeEach, expect, it } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { awaitRevision, checkRevision } from '../../../services/decision/await-revision.ts';
import { REVISION_AHEAD, REVISION_WAITERS } from '../../../services/decision/limits.ts';
import { type LocalDecision, localDecision } from './local-decision.ts';
import { policyFiles } from './policy-files.ts';

let local: LocalDecision;
/** Its follower never started: it is before the first snapshot, and no revision ever comes. */
let followed: LocalDecision['context']['followed'];

beforeEach(async () => {
  local = await localDecision(await policyFiles());
  followed = local.context.followed;
});
afterEach(async () => {
  await followed.follower.close();
});

const reasonOf = (waiting: Promise<void>): Promise<string> =>
  waiting.then(
    () => 'reached',
    (error: unknown) => (error instanceof AccessError ? error.reason : String(error)),
  );

it('before the first snapshot there is no answer, even for no revision', async () => {
  expect(await reasonOf(awaitRevision(followed, 0n))).toBe('NOT_READY');
});

it('a thousand calls wait, the next is refused at once, and none waits when those are done', async () => {
  const waiting = Array.from({ length: REVISION_WAITERS }, () => reasonOf(awaitRevision(followed, 1n)));
  expect(followed.follower.waiting).toBe(REVISION_WAITERS);
  expect(await reasonOf(awaitRevision(followed, 1n))).toBe('TOO_MUCH');
  expect(followed.follower.waiting).toBe(REVISION_WAITERS);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['NOT_READY']));
  expect(followed.follower.waiting).toBe(0);
});

it.each([
  [0n, undefined],
  [REVISION_AHEAD, undefined],
  [REVISION_AHEAD + 1n, 'REVISION_UNREACHABLE'],
  [2n ** 63n - 1n - 10n, 'REVISION_UNREACHABLE'],
])('a revision %d beyond the head: %s', (ahead, wanted) => {
  const check = (): string | undefined => {
    try {
      checkRevision(followed, local.replica.revision + ahead, 'at_least_revision');
      return undefined;
    } catch (error) {
      return error instanceof AccessError ? error.reason : String(error);
    }
  };
  expect(check()).toBe(wanted);
});
