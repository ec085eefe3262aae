import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { parseEntities } from '../../core/access/entity-json.ts';
import { runCases } from '../../core/policy/cases.ts';
import { findFailOpen } from '../../core/policy/fail-open.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { type Domain, load, readDomain } from '../policies/domain.ts';

let page: string;
let domain: Domain;
beforeAll(async () => {
  page = await readFile('docs/sign-in.md', 'utf8');
  domain = await readDomain('../../policies');
});

/** The page's block in that language. */
function block(language: string): string {
  return new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(page)?.[1] ?? '';
}

/** However it is broken into lines. */
const plain = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

test('W14 the policy of docs/sign-in.md does in the example organisation what its cases say', async () => {
  const files = new Map([...domain.files, ['workflows/sign-in.cedar', block('cedar')]]);
  const loaded = await load({ ...domain, files });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { policies } = loaded;
  expect(findFailOpen(policies).filter(({ file }) => file === 'workflows/sign-in.cedar')).toEqual([]);
  const report = runCases(
    { policies, entities: parseEntities(domain.directory) },
    block('yaml'),
    'sign-in.yaml',
  );
  if (!report.ok) throw new Error(report.problems.map(formatProblem).join('\n'));
  expect(report.results.map(({ name, differences }) => [name, differences])).toEqual(
    report.results.map(({ name }) => [name, []]),
  );
  expect(report.results).toHaveLength(3);
});

test('the example organisation declares what docs/sign-in.md says', () => {
  expect(plain(domain.files.get('schema.cedarschema') ?? '')).toContain(plain(block('cedarschema')));
});
