import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { GRANT_BEGINNINGS, GRANT_ENDS, GRANT_MOVES, ITEM_MOVES } from '../../core/access/states.ts';
import { EndReason, GrantState, RequestState } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { statesPage } from './state-pictures.ts';

const PAGE = fileURLToPath(new URL('../../docs/states.md', import.meta.url));

test('docs/states.md draws the states by which the code moves; npm run docs:states draws it anew', async () => {
  await expect(statesPage()).toMatchFileSnapshot(PAGE);
});

/** Names of a proto's enum, without the one that is never sent. */
const namesOf = (states: object): string[] =>
  Object.keys(states).filter((name) => Number.isNaN(Number(name)) && name !== 'UNSPECIFIED');

test('the states and end reasons are those of the contract, and of the API', () => {
  const grantStates = ['SCHEDULED', 'CLAIMABLE', 'ACTIVE', 'ENDED'];
  const reasons = ['EXPIRED', 'RELEASED', 'REVOKED', 'UNCLAIMED', 'EXHAUSTED', 'IDLE', 'INELIGIBLE'];
  const items = ['PENDING', 'APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED'];
  expect([...Object.keys(GRANT_BEGINNINGS), 'ENDED']).toEqual(grantStates);
  expect(namesOf(GrantState).sort()).toEqual(grantStates.toSorted());
  expect(Object.keys(GRANT_ENDS)).toEqual(reasons);
  expect(namesOf(EndReason).sort()).toEqual(reasons.toSorted());
  expect(['PENDING', ...Object.keys(ITEM_MOVES)]).toEqual(items);
  expect(namesOf(RequestState).sort()).toEqual([...items, 'PARTIALLY_APPROVED'].sort());
});

test('every state can be reached, and every grant can end', () => {
  const moves: readonly { readonly from: string; readonly to: string }[] = Object.values(GRANT_MOVES);
  for (const state of Object.keys(GRANT_BEGINNINGS)) {
    expect(Object.values(GRANT_ENDS).some(({ from }) => from.some((it) => it === state))).toBe(true);
    for (const { from, to } of moves) expect([from, to]).not.toContain('ENDED');
  }
});
