import { describe, expect, test } from 'vitest';
import { type CaseReport, runCases } from '../../../core/policy/cases.ts';
import { createEngine } from '../../../core/policy/engine.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { examined, sampleDirectory, sampleFiles } from './sample.ts';

const policies = examined(sampleFiles());
const subject = { policies, entities: sampleDirectory(), engine: createEngine(policies) };

function run(text: string): CaseReport {
  return runCases(subject, text, 'cases/a.yaml');
}

/** One case, `then` last. */
function oneCase(when: string, then: string, given = ''): CaseReport {
  const givenLine = given === '' ? '' : `\n    given: ${given}`;
  return run(`cases:\n  - name: it${givenLine}\n    when: ${when}\n    then: ${then}\n`);
}

const READ = `{ principal: 'User::"ada"', action: read, resource: 'Database::"orders"', context: { level: 1 } }`;
const REQUEST = `{ principal: 'User::"ada"', action: request, resource: 'Database::"orders"', request: { actions: [read] } }`;
const APPROVE = `{ principal: 'User::"bob"', action: approve, resource: 'Database::"orders"', request: { actions: [read], requester: 'User::"ada"' } }`;

describe('cases that cannot be read are refused by place', () => {
  const good = `{ effect: deny }`;

  test.each<[string, () => CaseReport, string]>([
    ['bad YAML', () => run('cases: [\n'), 'cases/a.yaml:2:1: not YAML:'],
    ['no cases', () => run('{}'), 'cases/a.yaml:1:1: a file without `cases`'],
    ['an empty file', () => run(''), 'cases/a.yaml:1:1: seen nothing, wanted the file'],
    ['an unknown key', () => run('case: []'), 'cases/a.yaml:1:7: unknown key `case` in the file'],
    ['a key twice', () => run('cases: []\ncases: []'), 'cases/a.yaml:2:1: not YAML: Map keys must be unique'],
    ['an alias', () => run('cases: &a\n  - *a'), 'cases/a.yaml:2:5: alias *a'],
    ['no name', () => run('cases:\n  - when: {}\n'), 'cases/a.yaml:2:5: a case without `name`'],
    [
      'a misspelt key',
      () => oneCase(READ.replace('principal', 'principle'), good),
      'cases/a.yaml:3:24: unknown key `principle` in when',
    ],
    ['no effect', () => oneCase(READ, '{ policies: [] }'), 'cases/a.yaml:4:11: then without `effect`'],
    ['another effect', () => oneCase(READ, '{ effect: permit }'), 'seen "permit", wanted allow or deny'],
    [
      'an unknown action',
      () => oneCase(READ.replace('action: read', 'action: raed'), good),
      'unknown action "raed"',
    ],
    [
      'an unknown Curfew action',
      () => oneCase(REQUEST.replace('action: request', `action: 'Curfew::Action::"reqest"'`), good),
      'unknown action',
    ],
    [
      'a bad uid',
      () => oneCase(READ.replace(`'User::"ada"'`, 'ada'), good),
      'seen "ada", wanted an entity such as User::"ada"',
    ],
    [
      'an unknown type',
      () => oneCase(READ.replace('User::', 'Usr::'), good),
      'principal.type is "Usr", wanted did you mean `User`?',
    ],
    ['an unknown policy', () => oneCase(READ, '{ effect: deny, policies: [jti] }'), 'unknown policy "jti"'],
    [
      'an unknown workflow',
      () => oneCase(REQUEST, '{ effect: deny, workflow: prod-read }'),
      'unknown workflow "prod-read"',
    ],
    [
      '`workflow` of an access case',
      () => oneCase(READ, '{ effect: deny, workflow: prod-reads }'),
      'unknown key `workflow` in then',
    ],
    [
      'an undeclared context field',
      () => oneCase(READ.replace('level: 1', 'level: 1, mffa: true'), good),
      'unknown key `mffa` in the attributes',
    ],
    [
      'a missing context field',
      () => oneCase(READ.replace('level: 1', 'mfa: true'), good),
      'context.level is nothing, wanted Long',
    ],
    [
      'a value of another type',
      () => oneCase(READ.replace('level: 1', 'level: "1"'), good),
      'seen "1", wanted Long',
    ],
    [
      'grant in the context',
      () => oneCase(READ.replace('level: 1', 'level: 1, grant: {}'), good),
      'context.grant is a value, wanted nothing: Curfew supplies grant',
    ],
    [
      'a decimal',
      () => oneCase(READ.replace('level: 1', 'level: 1.5'), good),
      'number 1.5, wanted an integer from -2^63 to 2^63-1',
    ],
    [
      'an integer outside int64',
      () => oneCase(READ.replace('level: 1', 'level: 9223372036854775808'), good),
      'number 9223372036854775808, wanted an integer',
    ],
    [
      'an entity of the directory sent by the caller',
      () => oneCase(READ, good, `{ entities: [{ uid: 'Group::"x"' }] }`),
      'entities[0] is Group::"x", wanted a type marked @caller',
    ],
    [
      'a grant for an action that takes none',
      () =>
        oneCase(
          `{ principal: 'User::"ada"', action: open, resource: 'Document::"d"', context: { level: 1 } }`,
          good,
          '{ grant: {} }',
        ),
      '`grant`, and open takes no grants',
    ],
    [
      'a request for a domain action',
      () => oneCase(READ.replace('context', 'request: { actions: [] }, context'), good),
      '`request`, and read is about none',
    ],
    [
      'no request',
      () => oneCase(REQUEST.replace(/, request: \{.*?\}/, ''), good),
      'no `request`, and Curfew asks request about one',
    ],
    [
      'a request by nobody',
      () => oneCase(APPROVE.replace(`, requester: 'User::"ada"'`, ''), good),
      'request without `requester`',
    ],
    [
      'a subject that is not the principal',
      () => oneCase(REQUEST.replace('actions', `subject: 'User::"bob"', actions`), good),
      '`subject` is not the principal',
    ],
    [
      'an action that takes no grants, requested',
      () => oneCase(REQUEST.replace('[read]', '[open]'), good),
      '"open" takes no grants, so nobody can request it',
    ],
    [
      'an unknown action, requested',
      () => oneCase(REQUEST.replace('[read]', '[raed]'), good),
      'unknown action "raed"',
    ],
    [
      'a bad duration',
      () => oneCase(REQUEST.replace('[read]', '[read], duration: 0s'), good),
      'seen "0s", wanted a duration such as 1h30m',
    ],
    [
      'a context for a Curfew action',
      () => oneCase(REQUEST.replace('request: {', 'context: {}, request: {'), good),
      '`context` of a Curfew action, which only Curfew supplies',
    ],
    [
      'a principal that the Curfew action is never asked about',
      () => oneCase(APPROVE.replace('User::"bob"', 'Service::"ci"'), good),
      'principal is a Service, wanted a type that approve applies to: User',
    ],
    ['a bad instant', () => oneCase(READ, good, '{ now: tomorrow }'), 'seen "tomorrow", wanted an instant'],
  ])('%s', (_name, make, wanted) => {
    const report = make();
    expect(report.ok).toBe(false);
    expect(report.ok ? [] : report.problems.map(formatProblem)).toEqual([expect.stringContaining(wanted)]);
  });

  test('every bad case is told, not just the first', () => {
    const report = run('cases:\n  - name: a\n  - name: b\n    wen: {}\n');
    expect(report.ok ? [] : report.problems.map((problem) => problem.line)).toEqual([2, 4]);
  });
});
