import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readPolicyFolder } from '../../../core/policy/files.ts';
import { runHere } from '../../clients/support/run-curfew.ts';
import { OFFICE, type Stack, startStack } from '../../support/stack.ts';
import { countRows, database, grantIdOf, reasonOf, submitted, vote } from './ask.ts';

// Each of these examines policies in a worker.
vi.setConfig({ testTimeout: 120_000 });

const WORKFLOWS = 'workflows/workflows.cedar';

let stack: Stack;
let office: Readonly<Record<string, string>>;
beforeAll(async () => {
  stack = await startStack();
  office = Object.fromEntries(await readPolicyFolder(OFFICE));
});
afterAll(() => stack[Symbol.asyncDispose]());

/** The office's files with its workflows changed. */
const changed = (edit: (workflows: string) => string): Record<string, string> => ({
  ...office,
  [WORKFLOWS]: edit(office[WORKFLOWS] ?? ''),
});
const validate = async (files: Readonly<Record<string, string>>, who = 'root') =>
  (await stack.as(who)).services.policies.validatePolicies({ files: { ...files } }, { timeoutMs: 60_000 });

describe('before it is put in force, a set', () => {
  it('that is in force already would change nothing', async () => {
    const found = await validate(office);
    expect(found).toMatchObject({
      problems: [],
      endingCount: 0,
      keptCount: 0,
      unanswerableCount: 0,
      administrator: { type: 'User', id: 'root' },
      complete: true,
    });
  });

  it('that is bad is refused by file, line and column, and nothing is written', async () => {
    const before = await countRows(stack);
    const { problems, complete } = await validate(changed((text) => `${text}\n@id("x") permit (principal`));
    expect(problems[0]).toMatchObject({
      file: WORKFLOWS,
      line: expect.any(Number),
      column: expect.any(Number),
    });
    expect(complete).toBe(false);
    expect(await countRows(stack)).toEqual(before);
  });

  it('says which live grants would end because it has not their workflow', async () => {
    const id = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
    const other = grantIdOf(await submitted(stack, 'ada', { resource: database('scratch') }));
    const { endingGrants, endingCount } = await validate(
      changed((text) => text.replace('@id("one")', '@id("uno")')),
    );
    expect(endingGrants).toMatchObject([
      {
        id,
        subject: { type: 'User', id: 'ada' },
        resource: { type: 'Database', id: 'orders' },
        workflow: 'one',
      },
    ]);
    expect(endingCount).toBe(1);
    expect(endingGrants.map((grant) => grant.id)).not.toContain(other);
    expect((await (await stack.as('ada')).services.grants.getGrant({ id })).grant?.endedAt).toBeUndefined();
  });

  it('says which pending requests nobody could answer any more, and which it would not let in', async () => {
    const write = await submitted(stack, 'eve', { actions: ['write'], ticket: 'CHG-7' });
    const without = await validate(
      changed((text) =>
        text.replace(
          '@step("security")\npermit (principal in Group::"security"',
          '@step("security")\npermit (principal in Group::"ghosts"',
        ),
      ),
    );
    expect(without.unanswerableItems).toMatchObject([
      { requestId: write.id, item: 0, workflow: 'two', step: 'security' },
    ]);
    const renamed = await validate(changed((text) => text.replace('@id("two")', '@id("due")')));
    expect(renamed.unanswerableItems).toMatchObject([
      { requestId: write.id, item: 0, workflow: 'two', step: '' },
    ]);
  });

  it('under which nobody could administer is told so', async () => {
    const without = changed((text) => text.replace('Group::"admins"', 'Group::"ghosts"'));
    const { problems, administrator } = await validate(without);
    expect(problems[0]?.message).toContain('nobody of the directory could administer Curfew');
    expect(administrator).toBeUndefined();
  });

  it('that the directory does not fit is told so', async () => {
    const schema = (office['schema.cedarschema'] ?? '').replace(
      'entity Printer;',
      'entity Printer = { ink: Long };',
    );
    const { problems } = await validate({ ...office, 'schema.cedarschema': schema });
    expect(problems.map(({ message }) => message).join()).toContain(
      'the directory in force: Printer::"inky": attributes.ink',
    );
  });

  it('is examined for those who audit or administer only, and one at a time', async () => {
    expect(await reasonOf(validate(office, 'ada'))).toBe('NOT_PERMITTED');
    const both = await Promise.allSettled([validate(office), validate(office)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await validate(office)).problems).toEqual([]);
  });
});

describe('curfew policy check --against', () => {
  const check = async (edit: (workflows: string) => string, ...words: readonly string[]) => {
    const folder = await mkdtemp(join(tmpdir(), 'curfew-against-'));
    try {
      await cp(OFFICE, folder, { recursive: true });
      const path = join(folder, WORKFLOWS);
      await writeFile(path, edit(await readFile(path, 'utf8')));
      const env = { CURFEW_TOKEN: await stack.issuer.token('User', 'root') };
      const args = ['policy', 'check', folder, '--against', `127.0.0.1:${stack.grant.port}`, ...words];
      return await runHere(args, { env });
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('shows what would end', async () => {
    const id = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'dee'))).request);
    const { code, stdout } = await check((text) => text.replace('@id("one")', '@id("uno")'));
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${id} +User::"dee" +Database::"orders" +one$`, 'm'));
    expect(stdout).toMatch(/^ACCEPTED\n {2}administrator +User::"root"\n/m);
  });

  it('exits 3 when nobody could administer', async () => {
    const { code, stdout } = await check((text) => text.replace('Group::"admins"', 'Group::"ghosts"'));
    expect(code).toBe(3);
    expect(stdout).toContain('nobody of the directory could administer');
    expect(stdout).toMatch(/^REFUSED\n/m);
  });

  it('tells programs the same', async () => {
    const { code, stdout } = await check((text) => text, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      effect: { complete: true, administrator: { id: 'root' } },
    });
  });

  it('asks nobody about a folder that is bad in itself', async () => {
    const { code, stderr } = await check((text) => text.replace('@id("one")', ''));
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  });
});
