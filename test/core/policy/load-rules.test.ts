import { describe, expect, test } from 'vitest';
import { ACCESS, examined, firstLines, problemsOf, SCHEMA, sampleFiles, WORKFLOWS } from './sample.ts';

const REQUEST = 'permit (principal, action == Curfew::Action::"request", resource is Database);';
const APPROVE = 'permit (principal, action == Curfew::Action::"approve", resource);';

/** [what it is, files that differ from the sample, the first line of the only problem] */
const REFUSED: readonly (readonly [string, Readonly<Record<string, string | undefined>>, string])[] = [
  [
    'no schema',
    { 'schema.cedarschema': undefined },
    'schema.cedarschema:1:1: no schema.cedarschema, wanted the schema of the policies',
  ],
  [
    'a misspelt folder',
    { 'gaurdrails/a.cedar': '' },
    'gaurdrails/a.cedar:1:1: file is in none of the folders access/, guardrails/, workflows/, wanted it there and named *.cedar',
  ],
  ['a file at the top', { 'a.cedar': '' }, 'a.cedar:1:1: file is in none of the folders'],
  ['an ending in capitals', { 'access/a.CEDAR': '' }, 'access/a.CEDAR:1:1: file is in none of the folders'],
  [
    'no @id',
    { 'access/x.cedar': '\n permit (principal, action, resource);' },
    'access/x.cedar:2:2: policy without @id, wanted @id("a-name")',
  ],
  [
    'an empty @id',
    { 'access/x.cedar': '@id("") permit (principal, action, resource);' },
    'access/x.cedar:1:1: @id is "" (0 characters), wanted 1 to 128 printable characters',
  ],
  [
    'an @id of 129 characters',
    { 'access/x.cedar': `@id("${'x'.repeat(129)}") permit (principal, action, resource);` },
    'access/x.cedar:1:1: @id is "xxx',
  ],
  [
    'a control character in @id',
    { 'access/x.cedar': '@id("a\\nb") permit (principal, action, resource);' },
    'access/x.cedar:1:1: @id is "a\\nb" (3 characters)',
  ],
  [
    'one @id in two folders',
    { 'guardrails/x.cedar': '@id("jit")\nforbid (principal, action, resource);' },
    'guardrails/x.cedar:1:1: @id("jit") is used twice, wanted ids that are unique over all folders',
  ],
  [
    'a permit in guardrails/',
    { 'guardrails/x.cedar': '@id("x")\n  permit (principal, action, resource);' },
    'guardrails/x.cedar:2:3: permit in guardrails/, wanted only forbid policies',
  ],
  [
    'a Curfew action in access/',
    { 'access/x.cedar': '@id("x") permit (principal, action == Curfew::Action::"view", resource);' },
    'access/x.cedar:1:39: policy in access/ names Curfew::Action::"view", which only workflows/ decides',
  ],
  [
    'a Curfew action in a condition',
    {
      'guardrails/x.cedar':
        '@id("x") forbid (principal, action, resource) unless { action == Curfew::Action::"view" };',
    },
    'guardrails/x.cedar:1:66: policy in guardrails/ names Curfew::Action::"view"',
  ],
  [
    'a permit in workflows/ for any action',
    { 'workflows/x.cedar': '@id("x") permit (principal, action, resource);' },
    'workflows/x.cedar:1:29: permit in workflows/ leaves its action open',
  ],
  [
    'a domain action in workflows/',
    { 'workflows/x.cedar': '@id("x") forbid (principal, action == Action::"read", resource);' },
    'workflows/x.cedar:1:29: policy in workflows/ names Action::"read", wanted a Curfew::Action',
  ],
  [
    'request together with another',
    {
      'workflows/x.cedar':
        '@id("x") permit (principal, action in [Curfew::Action::"view", Curfew::Action::"request"], resource);',
    },
    'workflows/x.cedar:1:29: permit for Curfew::Action::"request" names 2 actions, wanted that one alone',
  ],
  [
    'a template',
    { 'access/x.cedar': '@id("x") permit (principal == ?principal, action, resource);' },
    'access/x.cedar:1:31: policy has the slot ?principal, wanted no templates',
  ],
  [
    'bad syntax',
    { 'access/x.cedar': '@id("é") permit (principal, action, resource) when { "é" == };' },
    'access/x.cedar:1:61: unexpected token `}`',
  ],
  [
    'an unfinished policy',
    { 'access/x.cedar': '// é\n@id("x") permit (principal, action, resource)' },
    'access/x.cedar:2:46: unexpected end of input',
  ],
  [
    'an unguarded optional attribute',
    {
      'access/x.cedar':
        '@id("x") permit (principal, action == Action::"read", resource) when { context.mfa };',
    },
    'access/x.cedar:1:72: unable to guarantee safety of access to optional attribute `mfa`',
  ],
  [
    'an unknown attribute',
    {
      'access/x.cedar':
        '@id("x") permit (principal is User, action == Action::"read", resource) when { principal.levl > 1 };',
    },
    'access/x.cedar:1:80: attribute `levl` on entity type `User` not found',
  ],
  [
    'an impossible policy',
    {
      'access/x.cedar':
        '@id("x") permit (principal, action == Action::"read", resource) when { context has grannt };',
    },
    'access/x.cedar:1:1: policy is impossible',
  ],
  [
    'a policy that only Curfew actions would make possible',
    { 'access/x.cedar': '@id("x") permit (principal, action, resource) when { context has request };' },
    'access/x.cedar:1:1: policy is impossible',
  ],
  [
    'an unknown action',
    { 'access/x.cedar': '@id("x") permit (principal, action == Action::"reed", resource);' },
    'access/x.cedar:1:39: unrecognized action `Action::"reed"`',
  ],
  [
    'an undeclared Curfew action',
    { 'workflows/x.cedar': '@id("x") permit (principal, action == Curfew::Action::"lok", resource);' },
    'workflows/x.cedar:1:39: unrecognized action `Curfew::Action::"lok"`',
  ],
  [
    'no @approvals',
    { 'workflows/x.cedar': `@id("x") @max("1h") ${REQUEST}` },
    'workflows/x.cedar:1:1: policy without @approvals',
  ],
  [
    'no @max',
    { 'workflows/x.cedar': `@id("x") @approvals("none") ${REQUEST}` },
    'workflows/x.cedar:1:1: policy without @max',
  ],
  ['no @step', { 'workflows/x.cedar': `@id("x") ${APPROVE}` }, 'workflows/x.cedar:1:1: policy without @step'],
  [
    'a bad @step',
    { 'workflows/x.cedar': `@id("x") @step("none") ${APPROVE}` },
    'workflows/x.cedar:1:10: @step("none"): wanted a name',
  ],
  [
    'a step that nobody fills',
    { 'workflows/x.cedar': `@id("x") @max("1h") @approvals("ownr") ${REQUEST}` },
    'workflows/x.cedar:1:21: no approve permit has @step("ownr"), so nobody could fill it',
  ],
  [
    '@default above @max',
    { 'workflows/x.cedar': `@id("x") @max("1h") @approvals("none") @default("61m") ${REQUEST}` },
    'workflows/x.cedar:1:40: @default("61m"): wanted at most @max, 1h',
  ],
  [
    'an unknown annotation',
    { 'workflows/x.cedar': `@id("x") @max("1h") @approvals("none") @defualt("1m") ${REQUEST}` },
    'workflows/x.cedar:1:40: @defualt means nothing on a request permit',
  ],
  [
    'a workflow annotation on an approve permit',
    { 'workflows/x.cedar': `@id("x") @max("1h") @step("a") ${APPROVE}` },
    'workflows/x.cedar:1:10: @max means nothing on an approve permit',
  ],
];

describe('loading refuses', () => {
  test.each(REFUSED)('%s', (_name, changes, line) => {
    expect(firstLines(problemsOf(sampleFiles(changes)))).toEqual([expect.stringContaining(line)]);
  });

  test.each(['0s', '-1h', '1.5h', '', '4', '36501d', 'soon'])('the duration "%s"', (duration) => {
    const text = `@id("x") @approvals("none") @max("${duration}") ${REQUEST}`;
    const [problem] = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(problem).toMatchObject({
      line: 1,
      column: 29,
      message: expect.stringContaining(`@max("${duration}"): wanted`),
    });
  });

  test.each([
    '',
    'owner,',
    'none, owner',
    'owner:0',
    'owner:21',
    'owner:x',
    'owner, owner',
    'two words',
    'a:1:2',
    'ownér',
  ])('@approvals("%s")', (approvals) => {
    const text = `@id("x") @max("1h") @approvals("${approvals}") ${REQUEST}`;
    const [problem, ...others] = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(others).toEqual([]);
    expect(problem?.message).toContain(`@approvals("${approvals}")`);
  });

  test.each([
    ['rank', '1.5'],
    ['rank', ''],
    ['title', ' '],
    ['reason', '(?=x)'],
    ['ticket', ''],
    ['pending', '0h'],
  ])('@%s("%s")', (name, value) => {
    const text = `@id("x") @max("1h") @approvals("none") @${name}("${value}") ${REQUEST}`;
    const [problem, ...others] = problemsOf(sampleFiles({ 'workflows/x.cedar': text }));
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ line: 1, column: 40, message: expect.stringContaining(`@${name}(`) });
  });

  test('everything at once, each by its place', () => {
    const problems = problemsOf(
      sampleFiles({
        'schema.cedarschema': SCHEMA.replace('breakGlass: Bool, startsAt', 'brakeGlass: Bool, startsAt'),
        'access/access.cedar': `${ACCESS}@id("é") permit (principal, action == Action::"read", resource) when { "é" == "a" && principal.foo };\n@id("z") permit (`,
        'workflows/workflows.cedar': WORKFLOWS.replace('@max("4h")', '@max("4x")').replace(
          '@step("owner")',
          '',
        ),
      }),
    );
    expect(problems.map((it) => `${it.file}:${it.line}`)).toEqual([
      'access/access.cedar:10',
      'access/access.cedar:11',
      'schema.cedarschema:17',
      'workflows/workflows.cedar:3',
      'workflows/workflows.cedar:10',
    ]);
  });

  test('an action named alone in a list is named', () => {
    const text = WORKFLOWS.replace(
      'action == Curfew::Action::"request"',
      'action in [Curfew::Action::"request"]',
    );
    expect(examined(sampleFiles({ 'workflows/workflows.cedar': text })).requestWorkflows).toHaveLength(2);
  });
});

test.each([
  ['request', '@id("chain") @approvals("none") @max("1h")'],
  ['approve', '@id("chain") @step("owner")'],
  ['requestFor', '@id("chain")'],
])('W19 no policy about %s can read a grant: what Curfew gave starts nothing', (right, annotations) => {
  const text = `${annotations} permit (principal, action == Curfew::Action::"${right}", resource is Database) when { context.grant.workflow == "auto" };`;
  expect(firstLines(problemsOf(sampleFiles({ 'workflows/x.cedar': text })))[0]).toMatch(/grant/);
  const guarded = text.replace('context.grant', 'context has grant && context.grant');
  expect(problemsOf(sampleFiles({ 'workflows/x.cedar': guarded }))).not.toEqual([]);
});

test('D13 a policy that names an entity otherwise than the directory can is refused', () => {
  const text = '@id("zoe") forbid (principal == User::"zoe\u0301", action, resource is Database);';
  expect(firstLines(problemsOf(sampleFiles({ 'guardrails/zoe.cedar': text })))).toEqual([
    'guardrails/zoe.cedar:1:1: policy names User::"zoe\\u{301}", wanted an id in Unicode normal form C',
  ]);
});

test('D13 Cedar warns of invisible characters and of scripts that are mixed, and a warning refuses', () => {
  for (const id of ['st\u200baff', 'st\u0430ff']) {
    const text = `@id("x") forbid (principal in Group::"${id}", action, resource is Database);`;
    expect(problemsOf(sampleFiles({ 'guardrails/x.cedar': text }))).toHaveLength(1);
  }
});
