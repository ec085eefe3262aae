import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import {
  type AuthorizeRequest,
  DecisionService,
  Effect,
} from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import {
  ada,
  type Company,
  decision,
  grantId,
  orders,
  secondsFromNow,
  startCompany,
} from '../../support/company.ts';
import { nextWords } from '../../support/next-words.ts';
import { runHere } from '../../support/run-curfew.ts';
import { tokensFolder } from '../../support/tokens-folder.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

const option = {
  workflow: 'prod-reads',
  title: 'Read production databases',
  steps: ['owner', 'security:2'],
  maxDuration: { seconds: 14_400n },
  defaultDuration: { seconds: 5_400n },
};

function answerDeny({ server }: Company, changes = {}): void {
  server.answer(DecisionService, {
    authorize: () => ({ ...decision(Effect.DENY), accessOptions: [option], ...changes }),
  });
}

describe('curfew can', () => {
  test('an ALLOW exits 0 and says by which grant and until when', async () => {
    const company = await startCompany();
    company.server.answer(DecisionService, {
      authorize: () => ({
        ...decision(Effect.ALLOW),
        grantId,
        policyIds: ['jit'],
        validUntil: secondsFromNow(19.9),
      }),
    });
    const { code, stdout } = await company.curfew([
      'can',
      'read',
      'Database::orders',
      '-c',
      'mfa=true',
      '-c',
      'n=9223372036854775807',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ALLOW {2}User::"ada" may read Database::"orders"\n/);
    expect(stdout).toMatch(/until +\d\d:\d\d:\d\d \(in 1\d s\)/);
    expect(nextWords(stdout)).toEqual(['release', grantId]);
    expect(company.asked('DecisionService.authorize')).toMatchObject([
      {
        principal: ada,
        action: { type: '', id: 'read' },
        resource: orders,
        context: {
          mfa: { kind: { value: true } },
          n: { kind: { case: 'longValue', value: 9223372036854775807n } },
        },
        explain: true,
      },
    ]);
  });

  test('a DENY exits 10 and ends with the command that asks for the access', async () => {
    const company = await startCompany();
    answerDeny(company, { policyIds: ['pii-needs-mfa'], advice: ['sign in with MFA'] });
    const { code, stdout } = await company.curfew(['can', 'read', 'Database::orders']);
    expect(code).toBe(10);
    expect(stdout).toContain('DENY  User::"ada" may not read Database::"orders"');
    expect(stdout).toContain('because  pii-needs-mfa forbids it');
    expect(stdout).toContain('advice   sign in with MFA');
    expect(stdout).toContain('prod-reads  Read production databases  owner, security:2  1h30m    4h');
    expect(nextWords(stdout)).toEqual([
      'request',
      'read',
      'Database::orders',
      '--workflow',
      'prod-reads',
      '--duration',
      '1h30m',
      '--reason',
      'say why',
    ]);
  });

  test('the command that it ends with is whole for every name, principal and caller', async () => {
    const company = await startCompany();
    const folder = tokensFolder({ "o'neil": 'oneil.token' });
    answerDeny(company, { accessOptions: [{ ...option, workflow: 'it\'s "odd" $(id)' }] });
    const args = [
      'can',
      'User::"bob o\'hara"',
      'Acme::Action::"read it"',
      `Database::"a 'b' ; \\"c\\""`,
      '--as',
      "o'neil",
    ];
    const { stdout } = await company.curfew(args, { cwd: join(folder, 'deep', 'down') });
    expect(nextWords(stdout)).toEqual([
      'request',
      'Acme::Action::read it',
      'Database::"a \'b\' ; \\"c\\""',
      '--subject',
      "User::bob o'hara",
      '--workflow',
      'it\'s "odd" $(id)',
      '--duration',
      '1h30m',
      '--reason',
      'say why',
      '--as',
      "o'neil",
    ]);
    expect(company.server.received.map(({ token }) => token)).toEqual(['oneil.token']);
  });

  test('--entities sends documents of the application exactly', async () => {
    const company = await startCompany();
    answerDeny(company);
    const folder = tokensFolder({});
    const amount = '{"n": 9223372036854775807, "by": {"__entity": {"type": "User", "id": "bob"}}}';
    writeFileSync(
      join(folder, 'invoice.json'),
      `[{"uid": {"type": "Invoice", "id": "i1"}, "attrs": ${amount}, "parents": [{"type": "App", "id": "pay"}]}]`,
    );
    const args = ['can', 'pay', 'Invoice::i1', '--entities', 'invoice.json'];
    expect(await company.here(args, { cwd: folder })).toMatchObject({ code: 10 });
    expect(company.asked('DecisionService.authorize')).toMatchObject([
      {
        entities: [
          {
            uid: { type: 'Invoice', id: 'i1' },
            attributes: {
              n: { kind: { value: 9223372036854775807n } },
              by: { kind: { case: 'entityValue', value: { type: 'User', id: 'bob' } } },
            },
            parents: [{ type: 'App', id: 'pay' }],
          },
        ],
      },
    ]);
  });

  test.each([
    ['{}', '--entities: wanted a list of entities'],
    ['[{"uid": "x"}]', '--entities [0].uid: wanted a JSON object'],
    [
      '[{"uid": {"type": "A", "id": "b"}, "attributes": {}}]',
      '--entities [0]: seen "attributes", wanted one of uid, attrs',
    ],
    [
      '[{"uid": {"type": "A", "id": "b"}, "attrs": {"n": 9223372036854775808}}]',
      '--entities: seen 9223372036854775808',
    ],
    ['[{"uid": {"type": "A", "id": "b"}, "attrs": {"n": null}}]', '--entities [0].attrs.n: seen null'],
  ])('D4 --entities with %s is a usage error', async (json, message) => {
    const folder = tokensFolder({});
    writeFileSync(join(folder, 'e.json'), json);
    const args = ['can', 'pay', 'Invoice::i1', '--entities', 'e.json'];
    const { code, stderr } = await runHere(args, { env: { CURFEW_TOKEN: 't' }, cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain(`error: ${message}`);
  });

  test('under npx the command begins with npx', async () => {
    const company = await startCompany();
    answerDeny(company);
    const { stdout } = await company.here(['can', 'read', 'Database::orders'], {
      env: { npm_lifecycle_event: 'npx' },
    });
    expect(stdout).toContain('\nNext: npx curfew request read Database::orders');
  });

  test('-o json is the proto JSON of the answer, and exits the same', async () => {
    const company = await startCompany();
    answerDeny(company, { revision: 2n ** 53n + 1n });
    const { code, stdout } = await company.curfew(['can', 'read', 'Database::orders', '-o', 'json']);
    expect(code).toBe(10);
    expect(JSON.parse(stdout)).toMatchObject({
      effect: 'EFFECT_DENY',
      revision: '9007199254740993',
      accessOptions: [{ workflow: 'prod-reads', maxDuration: '14400s' }],
    });
  });

  test('who may not have it explained about another still gets the answer', async () => {
    const company = await startCompany();
    company.server.answer(DecisionService, {
      authorize: (request: AuthorizeRequest) => {
        if (request.explain) throw new AccessError('NOT_PERMITTED', 'no policy permits explain');
        return decision(Effect.DENY);
      },
    });
    const { code, stdout, stderr } = await company.here(['can', 'User::bob', 'read', 'Database::orders']);
    expect({ code, stderr }).toEqual({
      code: 10,
      stderr: 'note: you may not have answers about User::"bob" explained\n',
    });
    expect(stdout).toContain('nothing permits it');
    const explained = await company.here(['can', 'User::bob', 'read', 'Database::orders', '--explain']);
    expect(explained).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no policy permits explain (NOT_PERMITTED)'),
    });
  });

  test('D16 no answer is an error and never a permission', async () => {
    const company = await startCompany();
    company.server.answer(DecisionService, {
      authorize: () => {
        throw new AccessError('STALE', 'the ledger was last read 5 s ago');
      },
    });
    const { code, stdout, stderr } = await company.curfew(['can', 'read', 'Database::orders']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('error: the ledger was last read 5 s ago (STALE)\nNext: wait a moment');
  });

  test('W10 what others wrote reaches the terminal without a control character', async () => {
    const company = await startCompany();
    const evil = '\u001b[2J\u009b31m\u202eALLOW\r\n';
    answerDeny(company, {
      advice: [evil],
      policyIds: [evil],
      errors: [evil],
      accessOptions: [{ ...option, title: evil, workflow: evil }],
    });
    for (const args of [[], ['-o', 'json']]) {
      const { stdout } = await company.curfew(['can', 'read', 'Database::orders', ...args]);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });

  test('D4 an integer outside int64 is refused and nothing is sent', async () => {
    const company = await startCompany();
    const { code, stderr } = await company.curfew([
      'can',
      'read',
      'Database::orders',
      '-c',
      'n=9223372036854775808',
    ]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: --context n: seen 9223372036854775808, wanted an integer from -9223372036854775808 to 9223372036854775807\n',
    );
    expect(company.server.received).toEqual([]);
  });

  test.each([
    [['can'], "error: missing required argument 'principal-or-action'"],
    [['can', 'read', 'orders'], 'error: resource: seen "orders", wanted a type and an id'],
    [['can', 'read', 'Database::orders', 'x::y', 'z'], 'error: too many arguments'],
    [['can', 'read', 'Database::orders', '--contxt', 'a=1'], "error: unknown option '--contxt'"],
    [
      ['can', 'read', 'Database::orders', '-o', 'xml'],
      "argument 'xml' is invalid. Allowed choices are table, json.",
    ],
    [['cann'], "error: unknown command 'cann'"],
  ])('%j is a usage error', async (args, message) => {
    const { code, stdout, stderr } = await runHere(args, { env: { CURFEW_TOKEN: 't' } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
