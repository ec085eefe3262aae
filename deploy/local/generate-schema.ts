import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CODEGEN = fileURLToPath(new URL('../../node_modules/.bin/kysely-codegen', import.meta.url));

/**
 * Writes the row types of a migrated database. The generator types int8 as the driver's default, string; our pools read bigint,
 * and its own option for that fails under TypeScript 7.
 */
export async function generateSchema(databaseUrl: string, outFile: string): Promise<void> {
  const options = [
    '--dialect',
    'postgres',
    '--url',
    databaseUrl,
    '--out-file',
    outFile,
    '--exclude-pattern',
    '{*kysely*,pgboss.*}',
  ];
  await promisify(execFile)(CODEGEN, options);
  const generated = await readFile(outFile, 'utf8');
  await writeFile(
    outFile,
    generated.replace(
      'ColumnType<string, bigint | number | string,',
      'ColumnType<bigint, bigint | number | string,',
    ),
  );
}
