import { describe, expect, test } from 'vitest';
import { parseEntities } from '../../../core/access/entity-json.ts';
import { type CaseReport, runCases } from '../../../core/policy/cases.ts';
import { createEngine } from '../../../core/policy/engine.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { DIRECTORY, examined, sampleDirectory, sampleFiles } from './sample.ts';

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

function differences(report: CaseReport): readonly string[] {
  if (!report.ok) throw new Error(report.problems.map(formatProblem).join('\n'));
  return report.results.flatMap((result) => result.differences);
}

const READ = `{ principal: 'User::"ada"', action: read, resource: 'Database::"orders"', context: { level: 1 } }`;
const REQUEST = `{ principal: 'User::"ada"', action: request, resource: 'Database::"orders"', request: { actions: [read] } }`;
const APPROVE = `{ principal: 'User::"bob"', action: approve, resource: 'Database::"orders"', request: { actions: [read], requester: 'User::"ada"' } }`;

describe('cases', () => {
  test('the documented form runs', () => {
    const report = run(`
cases:
  # standing, as nobody wrote a grant
  - name: an engineer reads nothing by standing
    when:
      principal: User::"ada"
      action: read
      resource: Database::"orders"
      context: { level: 1 }
    then: { effect: deny, policies: [] }
  - name: with a grant she does
    given:
      now: 2026-06-01T09:00:00Z
      grant:
        workflow: prod-reads
        steps: [owner]
        reason: "ticket OPS-1"
    when:
      principal: { type: User, id: ada }
      action: Action::"read"
      resource: Database::"orders"
      context: { level: 9007199254740993, mfa: true, from: 10.0.0.1, peer: User::"bob", ttl: 1h, tags: [a, b], nested: { a: 1 } }
    then:
      effect: allow
      policies: [jit]
      through: grant
  - name: her own document
    given:
      entities:
        - uid: Document::"d1"
          attrs: { owner: User::"ada" }
    when: { principal: User::"ada", action: open, resource: Document::"d1", context: { level: 1 } }
    then: { effect: allow, through: standing }
  - name: a newcomer may ask
    given:
      directory:
        - uid: User::"new"
          attrs: { level: 1, clearances: [], home: { city: Bern } }
          parents: [ Group::"engineering" ]
          tags: { team: core }
    when:
      principal: User::"new"
      action: Curfew::Action::"request"
      resource: Database::"orders"
      request: { actions: [rw], duration: 30m, reason: "x", ticket: OPS-1, startsAt: 2026-06-02T09:00:00Z, id: r, workflow: prod-writes, breakGlass: false, extension: 0 }
    then:
      effect: allow
      workflow: prod-writes
      steps: [owner, "manager: 2"]
  - name: the owner may approve
    when: ${APPROVE}
    then: { effect: allow, steps: [manager, owner], policies: [owners-approve, managers-approve] }
`);
    expect(differences(report)).toEqual([]);
    expect(report).toMatchObject({
      ok: true,
      results: [
        { name: 'an engineer reads nothing by standing', file: 'cases/a.yaml', line: 4, passed: true },
        {},
        {},
        {},
        {},
      ],
    });
  });

  test.each([
    [READ, '{ effect: allow }', '', ['effect: wanted allow, got deny (policies [])']],
    [READ, '{ effect: allow, through: grant }', '{ grant: {} }', []],
    [READ, '{ effect: allow, through: standing }', '{ grant: {} }', ['through: wanted standing, got grant']],
    [
      READ,
      '{ effect: deny, policies: [jit] }',
      '{ grant: }',
      ['effect: wanted deny, got allow (policies [jit])'],
    ],
    [READ, '{ effect: deny, policies: [sealed] }', '', ['policies: wanted [sealed], got []']],
    [
      READ.replace('orders', 'people'),
      '{ effect: allow }',
      '{ grant: {} }',
      ['effect: wanted allow, got deny (policies [pii-needs-mfa]; sign in with MFA)'],
    ],
    [
      READ.replace('orders', 'vault').replace('level: 1', 'level: 9223372036854775807'),
      '{ effect: deny, errors: [sealed] }',
      '',
      [],
    ],
    [
      READ.replace('orders', 'vault').replace('level: 1', 'level: 9223372036854775807'),
      '{ effect: deny }',
      '',
      [expect.stringMatching(/^errors: wanted \[\], got \[sealed\] .*overflow/)],
    ],
    [READ, '{ effect: deny, errors: [sealed] }', '', ['errors: wanted [sealed], got []']],
    [
      REQUEST,
      '{ effect: allow, workflow: prod-reads, steps: [owner] }',
      '',
      ['workflow: wanted prod-reads, got prod-writes', 'steps: wanted [owner], got [owner, manager:2]'],
    ],
    [APPROVE, '{ effect: allow, steps: [owner] }', '', ['steps: wanted [owner], got [owner, manager]']],
    [APPROVE.replace('bob', 'ada'), '{ effect: deny, steps: [] }', '', []],
  ])('%s → %s', (when, then, given, wanted) => {
    const found = differences(oneCase(when, then, given));
    expect(found.slice(0, wanted.length || undefined)).toEqual(wanted);
  });

  test('the directory may leave implicit what the schema declares', () => {
    const implicit = parseEntities(
      DIRECTORY.replaceAll(
        '{ "__entity": { "type": "User", "id": "bob" } }',
        '{ "type": "User", "id": "bob" }',
      ),
    );
    const text = `cases:\n  - name: it\n    when: ${APPROVE}\n    then: { effect: allow, steps: [owner, manager] }`;
    expect(differences(runCases({ ...subject, entities: implicit }, text, 'f'))).toEqual([]);
  });

  test('an engine of its own is made when none is given', () => {
    const { engine: _engine, ...bare } = subject;
    expect(
      runCases(bare, `cases:\n  - name: it\n    when: ${READ}\n    then: { effect: deny }`, 'f'),
    ).toMatchObject({ ok: true });
  });
});

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
