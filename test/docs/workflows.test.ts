import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { examine } from '../../core/policy/examine.ts';
import { APPROVE_ANNOTATIONS, REQUEST_ANNOTATIONS } from '../../core/policy/workflow-annotations.ts';
import { sampleFiles } from '../core/policy/sample.ts';

const PERMITS = {
  request: {
    names: REQUEST_ANNOTATIONS,
    needed: { id: '@id("x")', approvals: '@approvals("owner")', max: '@max("4h")' },
    head: 'permit (principal, action == Curfew::Action::"request", resource is Database);',
  },
  approve: {
    names: APPROVE_ANNOTATIONS,
    needed: { id: '@id("x")', step: '@step("owner")' },
    head: 'permit (principal is User, action == Curfew::Action::"approve", resource is Database);',
  },
} as const;

/** A step that examples name. */
const SECURITY =
  '@id("security") @step("security") permit (principal, action == Curfew::Action::"approve", resource);';

interface Row {
  readonly name: string;
  readonly example: string;
}

async function rowsOf(permit: string): Promise<readonly Row[]> {
  const page = await readFile('docs/workflows.md', 'utf8');
  const section = page
    .split('\n## ')
    .find((part) => part.startsWith(`Of a`) && part.includes(`\`${permit}\` permit\n`));
  return [...(section ?? '').matchAll(/^\| `@(\w+)` \|.*\| `([^`]+)` \|$/gm)].map(
    ([, name = '', example = '']) => ({ name, example }),
  );
}

test.each(['request', 'approve'] as const)(
  'docs/workflows.md has every annotation of permits to %s, with an example that loads',
  async (permit) => {
    const { names, needed, head } = PERMITS[permit];
    const rows = await rowsOf(permit);
    expect(rows.map(({ name }) => name)).toEqual([...names]);
    for (const { name, example } of rows) {
      expect(example).toContain(`@${name}`);
      const others = Object.entries(needed).filter(([other]) => !example.includes(`@${other}(`));
      const text = `${others.map(([, annotation]) => annotation).join(' ')} ${example} ${head}\n${SECURITY}`;
      expect([name, examine(sampleFiles({ 'workflows/x.cedar': text }))]).toMatchObject([name, { ok: true }]);
    }
  },
);
