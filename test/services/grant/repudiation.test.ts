import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../support/stack.ts';
import { submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

it('L10 the ledger says of a review who cast it, the hash of what was shown and the policies it was cast under', async () => {
  const request = await submitted(stack, 'ada');
  await vote(stack, 'bob', request);
  const rows = await stack.query<{ actor: string; body: string }>(
    `SELECT actor, body FROM ledger WHERE kind = 'REQUEST_REVIEWED' AND request_id = $1`,
    [request.id],
  );
  const { policyDigest } = await (await stack.as('bob')).services.decision.getStatus({});
  expect(rows.map(({ actor, body }) => ({ actor, body: JSON.parse(body) as unknown }))).toMatchObject([
    // read to be compared
    {
      actor: 'User::"bob"',
      body: {
        requestHash: Buffer.from(request.requestHash).toString('hex'),
        policyDigest,
        verdict: 'APPROVE',
      },
    },
  ]);
});

it.for([
  ['reviewer', `'User::"cy"'`],
  ['request_hash', `decode(repeat('07', 32), 'hex')`],
  ['policy_digest', `repeat('ab', 32)`],
  ['verdict', `'DENY'`],
] as const)('L10 not even the grant service can change the %s of a vote', async ([column, value]) => {
  const client = new pg.Client({ connectionString: stack.database.grantUrl });
  await client.connect();
  try {
    const change = client.query(`UPDATE reviews SET ${column} = ${value}`);
    await expect(change).rejects.toMatchObject({ code: '42501' });
  } finally {
    await client.end();
  }
});
