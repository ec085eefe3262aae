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
