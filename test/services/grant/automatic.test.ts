import { expect, it } from 'vitest';
import { startStack } from '../../support/stack.ts';
import { database, grantIdOf, submitted } from './ask.ts';
import { decided, until } from './life.ts';

it('W19 a grant that needs no approval leads to its own events and to no other', async () => {
  await using stack = await startStack({ hasJobs: true });
  const request = await submitted(stack, 'ada', { resource: database('scratch') });
  const grantId = grantIdOf(request);
  await until(
    () => decided(stack, { resource: 'scratch', revision: request.revision }),
    (it) => it === 'ALLOW',
  );
  const ada = (await stack.as('ada')).services.grants;
  await ada.releaseGrant({ id: grantId });
  const rows = await stack.query<{ kind: string; request_id: string }>(
    'SELECT kind, request_id FROM ledger WHERE request_id IS NOT NULL OR grant_id IS NOT NULL ORDER BY revision',
  );
  expect(rows).toEqual(
    ['REQUEST_SUBMITTED', 'GRANT_STARTED', 'GRANT_ENDED'].map((kind) => ({ kind, request_id: request.id })),
  );
  expect(await stack.query('SELECT id FROM access_requests')).toEqual([{ id: request.id }]);
  expect(await stack.query('SELECT FROM reviews')).toEqual([]);
});
