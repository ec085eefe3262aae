import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unknownVariable } from '../../../core/runtime/variables.ts';

test('every variable that a source file names is a known one, so that no process is refused for what another reads', () => {
  const files = globSync('{core,services,clients,deploy}/**/*.{ts,js}', { exclude: ['**/node_modules/**'] });
  // Quoted, read from an environment, or a key; a constant of ours may look alike.
  const name = /(?<=['.])CURFEW_[A-Z_]*[A-Z]\b|\bCURFEW_[A-Z_]*[A-Z](?=:)/g;
  const named = files.flatMap((file) => readFileSync(file, 'utf8').match(name) ?? []);
  expect(named).toContain('CURFEW_DATABASE_URL');
  expect([...new Set(named)].filter((variable) => unknownVariable(variable) !== undefined)).toEqual([]);
});
