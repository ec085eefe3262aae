import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { inspectProcess, processNames } from '../../core/processes/inspect-process.ts';
import { secretVariables } from '../../core/runtime/variables.ts';

const PAGE = fileURLToPath(new URL('../../CONTRIBUTING.md', import.meta.url));
const TABLE = /^\| variable \| process \|.*\n(?:\|.*\n)+/m;

test('the table of variables says what the processes read; npx vitest run test/docs -u writes it anew', async () => {
  const page = await readFile(PAGE, 'utf8');
  expect(page).toMatch(TABLE);
  await expect(page.replace(TABLE, table())).toMatchFileSnapshot(PAGE);
});

test('the variables that may come as files are listed', async () => {
  const page = await readFile(PAGE, 'utf8');
  const listed = /Secrets may come as files: (.*?)\./s.exec(page)?.[1]?.match(/CURFEW_[A-Z_]+/g);
  expect(listed?.toSorted()).toEqual(secretVariables.map((secret) => `${secret}_FILE`).toSorted());
});

function table(): string {
  const rows = new Map<string, string[]>();
  for (const name of processNames)
    for (const { variable, value, meaning } of inspectProcess(name, {}).settings) {
      const key = `\`${variable}\`\n${value === undefined || value === '' ? '–' : `\`${value}\``} | ${meaning}`;
      rows.set(key, [...(rows.get(key) ?? []), name]);
    }
  const lines = Array.from(rows, ([key, names]) => {
    const [variable, rest] = key.split('\n');
    return `| ${variable} | ${names.length === processNames.length ? 'all' : names.join(', ')} | ${rest} |\n`;
  });
  return `| variable | process | default | meaning |\n|---|---|---|---|\n${lines.join('')}`;
}
