import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { findProblems } from './architecture/rules.ts';
import type { SourceFile } from './architecture/source-facts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = '{core,services,clients,deploy,test}/**/*.{ts,js}';

let files: readonly SourceFile[];
beforeAll(async () => {
  const paths = globSync(SOURCES, { cwd: ROOT, exclude: ['**/node_modules/**'] });
  files = await Promise.all(
    paths.map(async (path) => ({
      path: path.replaceAll('\\', '/'),
      text: await readFile(`${ROOT}/${path}`, 'utf8'),
    })),
  );
});

const isAboutSql = (problem: string): boolean => problem.includes('SQL built from text');

test('imports, names and sizes keep to the layout', () => {
  expect(files.map((file) => file.path)).toContain('services/grant/main.ts');
  expect(findProblems(files).filter((problem) => !isAboutSql(problem))).toEqual([]);
});

test('P1 no SQL is built from text outside the migrations', () => {
  expect(files.map((file) => file.path)).toContain('core/store/ledger.ts');
  expect(findProblems(files).filter(isAboutSql)).toEqual([]);
});

describe('a planted fault is found', () => {
  test.each([
    ['core/access/grant.ts', `import { x } from '../store/x.ts';`, 'core/access may not import core/store'],
    ['core/access/grant.ts', `import '../../proto/gen/a_pb.ts';`, 'core/access may not import proto/gen'],
    [
      'core/access/grant.ts',
      `import { readFile } from 'node:fs/promises';`,
      'core/access may not use node:fs',
    ],
    ['core/policy/load.ts', `import type { X } from '../feed/x.ts';`, 'core/policy may not import core/feed'],
    ['core/store/grants.ts', `export * from '../rpc/serve.ts';`, 'core/store may not import core/rpc'],
    ['core/store/grants.ts', `export { x } from '../policy/x.ts';`, 'core/store may not import core/policy'],
    [
      'core/runtime/log.ts',
      `type X = import('../access/x.ts').X;`,
      'core/runtime may not import core/access',
    ],
    ['core/feed/follower.ts', `await import('../policy/x.ts');`, 'core/feed may not import core/policy'],
    ['core/rpc/serve.ts', `import '../../services/grant/x.ts';`, 'core/rpc may not import services/grant'],
    ['core/rpc/serve.ts', `require('../store/x.ts');`, 'core/rpc may not import core/store'],
    ['services/grant/x.ts', `import '../decision/x.ts';`, 'services/grant may not import services/decision'],
    [
      'services/standalone/x.ts',
      `import '../migrate/x.ts';`,
      'services/standalone may not import services/migrate',
    ],
    ['services/grant/x.ts', `import '../../clients/sdk/x.ts';`, 'services/grant may not import clients/sdk'],
    [
      'services/grant/x.ts',
      `import '../../test/support/x.ts';`,
      'services/grant may not import test/support/x.ts',
    ],
    [
      'services/grant/x.ts',
      `import '../../deploy/local/x.ts';`,
      'services/grant may not import deploy/local',
    ],
    ['clients/sdk/x.ts', `import '../../core/access/x.ts';`, 'clients/sdk may not import core/access'],
    ['clients/cli/x.ts', `import '../../core/store/x.ts';`, 'clients/cli may not import core/store'],
    [
      'clients/cli/doctor/x.ts',
      `await import('../../../core/store/x.ts');`,
      'clients/cli may not import core/store',
    ],
    ['clients/cli/x.ts', `import '../../core/runtime/x.ts';`, 'clients/cli may not import core/runtime'],
    ['core/processes/x.ts', `import '../store/x.ts';`, 'core/processes may not import core/store'],
    ['core/extra/x.ts', '', 'the folder core/extra is not in the import table'],
    ['services/grant/x.ts', `import pg from 'pg';`, 'only core/store may use pg'],
    ['core/feed/x.ts', `import type { Kysely } from 'kysely';`, 'only core/store may use kysely'],
    ['core/feed/x.ts', `import { Migrator } from 'kysely/migration';`, 'only core/store may use kysely'],
    ['services/grant/x.ts', `import '@grpc/grpc-js';`, 'only core/rpc and clients/sdk may use @grpc/grpc-js'],
    [
      'services/grant/x.ts',
      `import '@cedar-policy/cedar-wasm/nodejs';`,
      'only core/policy may use @cedar-policy',
    ],
    ['core/access/utils.ts', '', '"utils" says nothing'],
    ['core/rpc/helper.test.ts', '', '"helper" says nothing'],
    ['core/common/time.ts', '', '"common" says nothing'],
    ['clients/cli/types.d.ts', '', '"types" says nothing'],
    ['clients/cli/index.ts', '', '"index" says nothing'],
    ['core/access/grantIndex.ts', '', "a file's name is kebab-case"],
    ['core/access/grant.ts', 'export const now = Date.now();', 'reads the clock'],
    ['core/policy/engine.ts', 'export const now = new Date();', 'reads the clock'],
    ['clients/cli/x.ts', 'export const y = x as string;', '"as" and "!" owe a reason'],
    ['clients/cli/x.ts', "export const y = x!.at('https://y');", '"as" and "!" owe a reason'],
  ])('%s: %s', (path, text, why) => {
    expect(findProblems([{ path, text }])).toEqual(expect.arrayContaining([expect.stringContaining(why)]));
  });
});

test('a file of 301 lines is found', () => {
  const file = { path: 'test/core/x.test.ts', text: 'x;\n'.repeat(301) };
  expect(findProblems([file])).toEqual(['test/core/x.test.ts:301: 301 lines, at most 300 are wanted']);
});

describe('P1 planted SQL from text is found', () => {
  test.each([
    `import { sql } from 'kysely'; sql.raw(name);`,
    `import { sql } from 'kysely'; const { execute } = sql.lit(name);`,
    `import { sql as query } from 'kysely'; query.raw(name);`,
    `import * as kysely from 'kysely'; kysely.sql.raw(name);`,
    `import { CompiledQuery } from 'kysely'; CompiledQuery.raw(text);`,
    'await client.query(`SELECT * FROM grants WHERE id = ${id}`);',
    `db.select((eb) => eb.ref('body', '->$').key(name));`,
    `db.select((eb) => eb.ref('body', '->$').at(position));`,
  ])('%s', (text) => {
    expect(findProblems([{ path: 'core/store/x.ts', text }])).toEqual([
      expect.stringContaining('SQL built from text'),
    ]);
  });
});

describe('what is allowed is not taken for a fault', () => {
  test.each([
    ['core/access/grant.ts', `import { createHash } from 'node:crypto';\nimport './window.ts';`],
    ['core/store/x.ts', `import { sql } from 'kysely';\nsql\`SELECT \${id}\`.execute(db);\nlist.at(-1);`],
    ['core/store/x.ts', "await client.query(`SELECT 1`);\nawait client.query('LISTEN bell');"],
    ['core/store/migrate.ts', `import { CompiledQuery } from 'kysely';\nCompiledQuery.raw(text);`],
    ['core/rpc/serve.ts', `import '@grpc/grpc-js';\nimport '../../proto/gen/curfew/x_pb.ts';`],
    ['services/grant/x.ts', `import '../../core/store/x.ts';\nexport const now = new Date();`],
    ['services/standalone/x.ts', `import '../../deploy/local/postgres.ts';`],
    ['clients/sdk/index.ts', `export { x } from './x.ts';`],
    ['clients/cli/x.ts', `import '../sdk/index.ts';`],
    ['clients/cli/doctor/database.ts', `await import('../../../core/store/x.ts');`],
    [
      'test/x.test.ts',
      `import pg from 'pg';\nimport '../core/store/x.ts';\nimport '../services/grant/x.ts';`,
    ],
    ['core/access/grant.ts', 'export const at = new Date(5);'],
    ['core/access/grant.ts', 'export const y = x as string; // parsed above\nexport const z = [1] as const;'],
  ])('%s: %s', (path, text) => {
    expect(findProblems([{ path, text }])).toEqual([]);
  });
});
