import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { generateSchema } from '../../../deploy/local/generate-schema.ts';
import { migratedDatabase } from './database.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the row types are those of the migrated database', { timeout: 120_000 }, async () => {
  const { urlOf } = await migratedDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'curfew-schema-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'schema.ts');
  await generateSchema(urlOf('owner'), file);
  const biome = ['format', '--write', `--config-path=${root}`, file];
  await promisify(execFile)(join(root, 'node_modules/.bin/biome'), biome, { cwd: folder });
  expect(await readFile(join(root, 'core/store/schema.ts'), 'utf8')).toBe(await readFile(file, 'utf8'));
});
