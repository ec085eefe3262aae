import { beforeAll, describe, expect, test } from 'vitest';
import type { PolicyFiles } from '../../core/policy/files.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { type Break, POLICY_BREAKS, SCHEMA_BREAKS, STEP_BREAKS } from './breaks.ts';
import { type Domain, load, readDomain } from './domain.ts';

const EXAMPLE = '../../policies';

/** The loader names everything that is wrong at once, so all breaks of a list are planted in one copy. */
function plant(example: Domain, breaks: readonly Break[]): PolicyFiles {
  const files = new Map(example.files);
  for (const { file, find, put } of breaks) {
    const before = files.get(file) ?? '';
    if (!before.includes(find)) throw new Error(`${file} does not contain ${find}`);
    files.set(
      file,
      before.replace(find, () => put),
    );
  }
  return files;
}

describe.each([
  ['the policies', POLICY_BREAKS],
  ['the schema', SCHEMA_BREAKS],
  ['the steps', STEP_BREAKS],
] as const)('a break planted in %s of the example is refused at its line', (_where, breaks) => {
  let files: PolicyFiles;
  let problems: readonly string[];
  beforeAll(async () => {
    const example = await readDomain(EXAMPLE);
    files = plant(example, breaks);
    const loaded = await load({ ...example, files });
    problems = loaded.ok ? [] : loaded.problems.map(formatProblem);
  });

  test.each(breaks)('$title', ({ file, at, says }) => {
    const text = files.get(file) ?? '';
    const line = text.slice(0, text.indexOf(at)).split('\n').length;
    const there = problems.filter((problem) => problem.startsWith(`${file}:${line}:`));
    expect(there).toContainEqual(expect.stringMatching(says));
  });
});

test('entities of the directory that the schema does not allow are refused by name', async () => {
  const example = await readDomain(EXAMPLE);
  const directory = example.directory
    .replace('"legalHold": true', '"legalHold": "yes"')
    .replace('"classification": "pii",', '')
    .replace('"team": { "__entity": { "type": "Group", "id": "data" } }', '"team": "data"')
    .replace(/("id": "payments" },\s+"attrs": \{ "owner".*\s+"parents": \[\{ "type": )"Group"/, '$1"User"');
  const loaded = await load({ ...example, directory });
  const problems = loaded.ok ? [] : loaded.problems.map(({ file, message }) => `${file}: ${message}`);
  expect(problems.toSorted()).toEqual([
    expect.stringMatching(/^directory\.json: Database::"analytics".*team.*Group/),
    expect.stringMatching(/^directory\.json: Database::"customers".*classification.*String/),
    expect.stringMatching(/^directory\.json: Database::"orders-2019".*legalHold.*Bool/),
    expect.stringMatching(/^directory\.json: Service::"payments".*parents.*Group/),
  ]);
});
