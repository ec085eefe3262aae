import { afterAll, beforeAll, expect, it } from 'vitest';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { runHere } from '../../clients/support/run-curfew.ts';
import { connect } from '../../core/rpc/test-client.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, database, grantIdOf, submit } from './ask.ts';

const LINE = '{"level":60,"msg":"forged"}';
/** What breaks out of lines, terminals, JSON, SQL and templates, or looks like something else. */
const CORPUS = [
  `end\r\n${LINE}`,
  `end\n${LINE}`,
  `end\r${LINE}`,
  `end\u0085${LINE}`,
  `end\u2028${LINE}`,
  `end\u2029${LINE}`,
  '\u001b[2J\u001b[31mred',
  '\u001b]0;title\u0007',
  '\u009b31mred',
  '\u202egnp.exe',
  'a\u2066b\u2069',
  'zero\u200bwidth',
  'nul\u0000byte',
  'back\b\b\bspace',
  'tab\tab',
  '"},{"kind":"GRANT_STARTED","actor":"',
  '\\"},{\\"kind\\":\\"x',
  '\\',
  '\\\\u0000 \\\\n \\\\x1b',
  '"',
  "'; DROP TABLE ledger; --",
  '$1 $$ %s %n {0} ${jndi:ldap://x.test/a}',
  '</script><script>alert(1)</script>',
  '__proto__',
  '=HYPERLINK("https://x.test")',
  'é, 漢字, עברית, 👩‍💻, 𝔘',
  'ﷺ'.repeat(500),
  'e\u0301 in two',
  '\ufeffmarked',
  '\ufffd',
];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ logLevel: 'trace' });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Channel {
  readonly name: string;
  /** Sends it. @returns the revision at which the ledger must have it */
  readonly send: (text: string, position: number) => Promise<bigint>;
  /** Where it is in the row. */
  readonly find: (row: LedgerRow) => unknown;
}

interface LedgerRow {
  readonly body: string;
  readonly text: string | null;
}

const revisionOf = async (call: Promise<{ readonly revision: bigint }>): Promise<bigint> =>
  (await call).revision;
const fromJson = (json: string | null): Record<string, unknown> =>
  JSON.parse(json ?? '{}') as Record<string, unknown>; // an object of ours

const CHANNELS: readonly Channel[] = [
  {
    name: 'the reason of a request',
    send: (reason) => revisionOf(submit(stack, 'ada', { reason })),
    find: ({ text }) => fromJson(text)['reason'],
  },
  {
    name: 'the ticket of a request',
    send: (ticket) => revisionOf(submit(stack, 'ada', { ticket })),
    find: ({ text }) => fromJson(text)['ticket'],
  },
  {
    name: 'the comment of a review',
    send: async (comment) => {
      const { request } = await submit(stack, 'ada', { actions: ['write'], ticket: 'CHG-1' });
      const { grants } = (await stack.as('bob')).services;
      const { id = '', requestHash = new Uint8Array() } = request ?? {};
      return await revisionOf(grants.reviewAccessRequest({ id, requestHash, verdict: 1, comment }));
    },
    find: ({ text }) => text,
  },
  {
    name: 'the reason of a revocation',
    send: async (reason) => {
      const id = grantIdOf((await submit(stack, 'ada', { resource: database('scratch') })).request);
      const { ended, failed, revision } = await (await stack.as('dee')).services.grants.revokeGrants({
        ids: [id],
        reason,
      });
      expect([ended.length, failed]).toEqual([1, []]);
      return revision;
    },
    find: ({ text }) => text,
  },
  {
    name: 'the id of an entity',
    send: async (id) =>
      await revisionOf(
        (await stack.as('root')).services.directory.applyEntities({
          entities: [{ uid: { type: 'User', id } }],
        }),
      ),
    find: ({ body }) => (fromJson(body)['entities'] as { uid: { id: string } }[])[0]?.uid.id, // ENTITIES_APPLIED has them
  },
  {
    name: 'an idempotency key',
    send: async (idempotencyKey, position) =>
      await revisionOf(
        (await stack.as('ada')).services.grants.requestAccess({
          items: [{ resource: database('orders'), actions: [action('read')] }],
          reason: String(position),
          idempotencyKey,
        }),
      ),
    // It is not in the ledger; the row is there for the request.
    find: () => undefined,
  },
];

it.each(CHANNELS)(
  'L4 through $name hostile text is refused as input, or is in the ledger as it was given',
  async ({ name, send, find }) => {
    const outcomes = { refused: 0, stored: 0 };
    for (const [position, given] of CORPUS.entries()) {
      const before = await head();
      const sent = await send(given, position).catch((error: unknown) => error);
      if (typeof sent !== 'bigint') {
        expect(sent, given).toMatchObject({ code: 'INVALID_ARGUMENT' });
        outcomes.refused += 1;
        continue;
      }
      expect(sent).toBeGreaterThan(before);
      const [row] = await stack.query<LedgerRow>(
        'SELECT body, text FROM ledger LEFT JOIN ledger_text USING (revision) WHERE revision = $1',
        [sent],
      );
      outcomes.stored += 1;
      if (name !== 'an idempotency key') expect(row === undefined ? row : find(row)).toBe(given);
    }
    expect(outcomes.refused).toBeGreaterThan(10);
    expect(outcomes.stored).toBeGreaterThan(0);
  },
);

it('L4 hostile credentials forge no line of the log', async () => {
  const client = connect(stack.grant.port);
  for (const token of [
    LINE,
    '\\n\\u001b[31m',
    'e30.e30.e30',
    `e30.${Buffer.from(LINE).toString('base64url')}.x`,
  ]) {
    const call = client.unary(GrantService.method.listGrants, {}, { token });
    await expect(call).rejects.toMatchObject({ code: 16 });
  }
  client.close();
});

it('L4 after all of it the ledger is intact, the log is one object a line, and the terminal gets no control character', async () => {
  const root = await stack.as('root');
  expect(await root.services.ledger.verifyLedger({})).toMatchObject({ intact: true, faults: [] });
  expect(stack.logs.length).toBeGreaterThan(0);
  for (const line of stack.logs) {
    expect(line).toMatch(/^[^\n\r]*\n$/);
    expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
  }
  const env = {
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_TOKEN: await stack.issuer.token('User', 'root'),
  };
  for (const output of [[], ['-o', 'json']]) {
    const { code, stdout } = await runHere(['ledger', 'ls', '--limit', '500', ...output], { env });
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(1_000);
    expect(stdout.replaceAll('\n', '')).not.toMatch(
      /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u,
    );
  }
});

async function head(): Promise<bigint> {
  const [row] = await stack.query<{ revision: string }>('SELECT revision FROM ledger_head');
  return BigInt(row?.revision ?? 0);
}
