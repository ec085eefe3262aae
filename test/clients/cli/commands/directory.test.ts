import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import type {
  ApplyEntitiesRequest,
  DeleteEntitiesRequest,
} from '../../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { DirectoryService } from '../../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { grantIdOf, submitted, vote } from '../../../services/grant/ask.ts';
import { type Stack, startStack } from '../../../support/stack.ts';
import { startCompany } from '../../support/company.ts';
import { runHere } from '../../support/run-curfew.ts';

vi.setConfig({ testTimeout: 120_000 });

interface Listed {
  readonly uid: { readonly type: string; readonly id: string };
  readonly attrs?: object;
  readonly parents?: readonly { readonly type: string; readonly id: string }[];
}

const group = (id: string, ...parents: string[]): Listed => ({
  uid: { type: 'Group', id },
  attrs: {},
  parents: parents.map((parent) => ({ type: 'Group', id: parent })),
});
const user = (id: string, ...groups: string[]): Listed => ({
  ...group(id, ...groups),
  uid: { type: 'User', id },
});

/** A file, gone after the test. */
function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-directory-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'people.json');
  writeFileSync(path, text);
  return path;
}

const fileOf = (...entities: readonly Listed[]): string => fileWith(JSON.stringify(entities));

describe('with a Curfew', () => {
  let stack: Stack;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    stack = await startStack();
    env = {
      CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
      CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
      CURFEW_TOKEN: await stack.issuer.token('User', 'root'),
    };
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  const curfew = (...words: readonly string[]) => runHere(['directory', ...words], { env });
  const json = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await curfew(...words, '-o', 'json');
    return {
      code,
      stderr,
      answer: stdout === '' ? undefined : (JSON.parse(stdout) as Record<string, unknown>),
    }; // an object
  };
  const exported = async (...words: readonly string[]) =>
    JSON.parse((await curfew('export', ...words)).stdout) as Listed[]; // of the shape that apply takes

  test('apply creates entities, each after its parents, however the file has them', async () => {
    const path = fileOf(user('kit', 'inner'), group('inner', 'outer'), group('outer', 'staff'));
    const { code, stdout } = await curfew('apply', path);
    expect(code).toBe(0);
    expect(stdout).toContain('+ User::"kit"\n');
    expect(stdout).toMatch(/created +3\n +changed +0\n +deleted +0\n +same +0\n/);
    expect((await json('diff', path)).code).toBe(0);
  });

  test('apply again sends nothing, and of a changed file only what is different', async () => {
    await curfew('apply', fileOf(user('lou', 'staff'), user('mia', 'staff')));
    const [before] = await stack.query<{ n: number }>('SELECT count(*)::int AS n FROM ledger');
    const again = await json('apply', fileOf(user('lou', 'staff'), user('mia', 'staff')));
    expect(again.answer).toMatchObject({ created: [], changed: [], same: 2, revision: '0' });
    const [after] = await stack.query<{ n: number }>('SELECT count(*)::int AS n FROM ledger');
    expect(after).toEqual(before);
    const moved = await json('apply', fileOf(user('lou', 'keepers'), user('mia', 'staff')));
    expect(moved.answer).toMatchObject({ changed: [{ type: 'User', id: 'lou' }], same: 1 });
  });

  test('diff exits 13 and says what would be created, changed and, with --prune, deleted; nothing is changed', async () => {
    await curfew('apply', fileOf(user('nat', 'staff')));
    const all = await exported();
    const wanted = [
      ...all.filter(({ uid }) => uid.id !== 'eve' && uid.id !== 'nat'),
      user('nat', 'keepers'),
      user('new'),
    ];
    const path = fileOf(...wanted);
    expect(await json('diff', path)).toMatchObject({ code: 13, answer: { deleted: [] } });
    const pruned = await curfew('diff', path, '--prune');
    expect(pruned.code).toBe(13);
    expect(pruned.stdout).toContain('+ User::"new"\n~ User::"nat"\n- User::"eve"\n');
    expect(pruned.stdout).toMatch(/Next: .* directory apply \S+ --prune\n$/);
    expect((await curfew('apply', path, '--prune', '--dry-run')).code).toBe(0);
    expect(await exported()).toEqual(all);
  });

  test('apply --prune deletes what the file does not have and says what ended with it', async () => {
    await curfew('apply', fileOf(user('oda', 'staff')));
    const grantId = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'oda'))).request);
    const pending = (await submitted(stack, 'oda', { actions: ['read', 'write'], ticket: 'CHG-1' })).id;
    const rest = (await exported()).filter(({ uid }) => uid.id !== 'oda');
    const { code, answer } = await json('apply', fileOf(...rest), '--prune');
    expect({ code, answer }).toMatchObject({
      code: 0,
      answer: {
        deleted: [{ type: 'User', id: 'oda' }],
        endedGrantIds: [grantId],
        withdrawnRequestIds: [pending],
      },
    });
    const back = await curfew('apply', fileOf(user('oda')));
    expect(back.code).toBe(1);
    expect(back.stderr).toContain('was deleted; an id is not used again unless allow_reuse is said');
    expect((await curfew('apply', fileOf(user('oda')), '--allow-reuse')).code).toBe(0);
  });

  test('apply says which grants ended because somebody left a group', async () => {
    await curfew('apply', fileOf(user('pia', 'staff')));
    const grantId = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'pia'))).request);
    const { stdout } = await curfew('apply', fileOf(user('pia')));
    expect(stdout).toContain(`1 grants: ${grantId}`);
  });

  test('export is in one order, has everything and is what apply takes', async () => {
    const all = await exported();
    const names = all.map(({ uid }) => `${uid.type}::${JSON.stringify(uid.id)}`);
    expect(names).toEqual(names.toSorted());
    expect(await json('diff', fileOf(...all), '--prune')).toMatchObject({
      code: 0,
      answer: { same: all.length },
    });
    expect(new Set((await exported('--type', 'Group')).map(({ uid }) => uid.type))).toEqual(
      new Set(['Group']),
    );
    expect(await exported('--type', 'Nothing')).toEqual([]);
  });

  test('delete takes entities as they are written everywhere', async () => {
    await curfew('apply', fileOf(user('quy'), user('ray')));
    const { code, stdout } = await curfew('delete', 'User::quy', 'User::"ray"');
    expect({ code, gone: stdout.split('\n').slice(0, 2) }).toEqual({
      code: 0,
      gone: ['- User::"quy"', '- User::"ray"'],
    });
    expect((await curfew('delete', 'User::quy')).stderr).toContain('the directory does not have User::"quy"');
  });

  test('what the schema refuses is told by its place in the file, and nothing is applied', async () => {
    const path = fileWith(
      `[\n  ${JSON.stringify(user('sol'))},\n  { "uid": { "type": "Database", "id": "bare" } }\n]`,
    );
    const { code, stderr } = await curfew('apply', path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/people\.json:3:3: attributes\.owners: seen/);
    expect(stderr).toContain('nothing was applied');
    expect((await exported()).map(({ uid }) => uid.id)).not.toContain('sol');
  });
});

describe('without one', () => {
  test.each([
    ['[\n  {"uid": {"type": "User", "id": "a"}},,\n]', /people\.json:2:40: not JSON at/],
    [
      '[{"uid": {"type": "User", "id": "a"}},\n {"uid": {"type": "User"}}]',
      /people\.json:2:2: \[1\]\.uid\.id: seen nothing/,
    ],
    [
      '[{"uid": {"type": "U", "id": "a"}, "attrs": {"n": 9223372036854775808}}]',
      /people\.json:1:51: number 9223372036854775808/,
    ],
    ['[{"uid": {"type": "U", "id": "a"}, "attrs": {"n": 1.5}}]', /people\.json:1:51: number 1\.5/],
    [
      '[{"uid": {"type": "U", "id": "a"}},\n  {"uid": {"type": "U", "id": "a"}}]',
      /people\.json:2:3: .*listed twice/,
    ],
    ['{}', /people\.json:1:1: /],
  ])('D4 %j is refused by line and column, and nothing is sent', async (text, message) => {
    const company = await startCompany();
    const { code, stderr } = await company.here(['directory', 'apply', fileWith(text)]);
    expect({ code, sent: company.server.received }).toEqual({ code: 2, sent: [] });
    expect(stderr).toMatch(message);
  });

  test('a file that is not there is a usage error', async () => {
    const company = await startCompany();
    const { code, stderr } = await company.here(['directory', 'diff', '/nonexistent.json']);
    expect({ code, sent: company.server.received }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain('cannot read /nonexistent.json');
  });

  test('D4 an int64 goes there and comes back exact', async () => {
    const company = await startCompany();
    const most = { kind: { case: 'longValue' as const, value: 9223372036854775807n } };
    const entity = { uid: { type: 'User', id: 'a' }, attributes: { n: most } };
    company.server.answer(DirectoryService, {
      listEntities: () => ({ entities: [] }),
      applyEntities: () => ({ changed: 1, revision: 7n }),
    });
    const text = '[{"uid": {"type": "User", "id": "a"}, "attrs": {"n": 9223372036854775807}}]';
    expect((await company.here(['directory', 'apply', fileWith(text)])).code).toBe(0);
    expect(company.asked('DirectoryService.applyEntities')).toMatchObject([{ entities: [entity] }]);
    company.server.answer(DirectoryService, { listEntities: () => ({ entities: [entity] }) });
    const { stdout } = await company.here(['directory', 'export']);
    expect(stdout).toBe(
      '[\n  {"uid":{"type":"User","id":"a"},"attrs":{"n":9223372036854775807},"parents":[]}\n]\n',
    );
    expect((await company.here(['directory', 'diff', fileWith(stdout)])).code).toBe(0);
  });

  test('what the schema makes of a text in a file is no difference', async () => {
    const company = await startCompany();
    const address = {
      kind: { case: 'extensionValue' as const, value: { function: 'ip', argument: '10.0.0.1' } },
    };
    company.server.answer(DirectoryService, {
      listEntities: () => ({ entities: [{ uid: { type: 'Host', id: 'h' }, attributes: { at: address } }] }),
    });
    const path = fileWith('[{"uid": {"type": "Host", "id": "h"}, "attrs": {"at": "10.0.0.1"}}]');
    expect((await company.here(['directory', 'diff', path])).code).toBe(0);
  });

  test('more than a thousand go in several calls, parents first; of a call that fails it says what was applied before', async () => {
    const company = await startCompany();
    let calls = 0;
    company.server.answer(DirectoryService, {
      listEntities: () => ({ entities: [] }),
      applyEntities: () => {
        calls += 1;
        if (calls === 3) throw new AccessError('CONFLICT', 'the directory keeps changing; call again');
        return { changed: 1_000, revision: BigInt(calls) };
      },
    });
    const people = Array.from({ length: 2_500 }, (_, index) => user(`u${index}`, 'team'));
    const { code, stderr } = await company.here(['directory', 'apply', fileOf(...people, group('team'))]);
    expect(code).toBe(1);
    expect(stderr).toContain('applied 1000 of 2501\napplied 2000 of 2501\n');
    expect(stderr).toContain(
      'applied before: 2000 entities, Group::"team" to User::"u1998"; not applied: 501 entities, User::"u1999" to User::"u2499"',
    );
    const sent = company.asked('DirectoryService.applyEntities') as readonly ApplyEntitiesRequest[]; // as it came in
    expect(sent.map(({ entities }) => entities.length)).toEqual([1_000, 1_000, 501]);
    expect(sent[0]?.entities[0]?.uid).toMatchObject({ type: 'Group', id: 'team' });
  });

  test('no call is larger than a message may be', async () => {
    const company = await startCompany();
    company.server.answer(DirectoryService, {
      listEntities: () => ({ entities: [] }),
      applyEntities: () => ({ revision: 1n }),
    });
    const note = 'x'.repeat(3_000);
    const people = Array.from({ length: 1_000 }, (_, index) => ({ ...user(`u${index}`), attrs: { note } }));
    expect((await company.here(['directory', 'apply', fileOf(...people)])).code).toBe(0);
    const sent = company.asked('DirectoryService.applyEntities') as readonly ApplyEntitiesRequest[]; // as it came in
    expect(sent.length).toBe(4);
    expect(sent.reduce((sum, { entities }) => sum + entities.length, 0)).toBe(1_000);
  });

  test('more than a thousand are deleted in several calls', async () => {
    const company = await startCompany();
    const entities = Array.from({ length: 400 }, (_, index) => ({ uid: { type: 'User', id: `u${index}` } }));
    const page = ({ pageToken }: { readonly pageToken: string }) => ({
      entities: entities.map(({ uid }) => ({ uid: { ...uid, id: `${pageToken}${uid.id}` } })),
      nextPageToken: pageToken === 'cc' ? '' : `${pageToken}c`,
    });
    company.server.answer(DirectoryService, {
      listEntities: page,
      deleteEntities: () => ({ revision: 1n }),
    });
    expect((await company.here(['directory', 'apply', fileOf(), '--prune'])).code).toBe(0);
    const sent = company.asked('DirectoryService.deleteEntities') as readonly DeleteEntitiesRequest[]; // as it came in
    expect(sent.map(({ uids }) => uids.length)).toEqual([1_000, 200]);
  });
});
