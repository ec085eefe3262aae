import type { CaseReport, CaseResult } from '../../core/policy/cases.ts';
import { formatProblem, type Problem } from '../../core/policy/problem.ts';
import { facts } from './columns.ts';
import { formatEntity } from './entity-name.ts';
import type { Advice, FolderCheck } from './policy-report.ts';
import { printable, text } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** What a check found, for people. */
export function checkLines(check: FolderCheck, { paint }: Terminal): readonly string[] {
  if (!check.ok) {
    const count = check.problems.length === 1 ? '1 problem' : `${check.problems.length} problems`;
    return [...check.problems.flatMap(problemLines), '', `${paint.bad('INVALID')}  ${count}`];
  }
  const { policies, entityCount, advice } = check;
  return [
    ...adviceLines(advice, paint.waiting),
    paint.good('VALID'),
    ...facts([
      ['policies', String(policies.access.length + policies.workflows.length)],
      ['workflows', policies.requestWorkflows.map(({ id }) => id).join(', ')],
      ['entities', String(entityCount)],
      ['digest', policies.digest],
    ]),
  ];
}

function adviceLines({ failOpen, overlaps }: Advice, paint: (text: string) => string): readonly string[] {
  const pairs = overlaps.pairs.map(({ used, other, example }) => {
    const { subject, action, resource } = example;
    const request = `${formatEntity(subject)} ${action.id} ${formatEntity(resource)}`;
    return text`workflows ${used.id} and ${other.id} have rank ${used.rank} and both take ${request}; ${used.id} is used`;
  });
  const partly = overlaps.isWhole
    ? []
    : ['the directory is too large to look for overlapping workflows everywhere'];
  return [
    ...failOpen.flatMap((problem) => [paint('warning:'), ...problemLines(problem)]),
    ...[...pairs, ...partly].map((line) => `${paint('note:')} ${line}`),
  ];
}

/** How the cases came out, for people. */
export function testLines(reports: readonly CaseReport[], { paint }: Terminal): readonly string[] {
  const failed = resultsOf(reports).filter(({ passed }) => !passed);
  const passedCount = resultsOf(reports).length - failed.length;
  return [
    ...reports.flatMap((report) => (report.ok ? [] : report.problems.flatMap(problemLines))),
    ...failed.flatMap((result) => [
      `${paint.bad('FAIL')}  ${text`${result.file}:${result.line}: ${result.name}`}`,
      ...result.differences.map((difference) => `      ${printable(difference)}`),
    ]),
    ...(reports.length === 0 ? ['no cases: write some in cases/*.yaml'] : []),
    `${isPassed(reports) ? paint.good('PASSED') : paint.bad('FAILED')}  ${passedCount} passed, ${failed.length} failed`,
  ];
}

/** Whether every case passed; a folder without cases has not been tested. */
export function isPassed(reports: readonly CaseReport[]): boolean {
  return (
    reports.every(({ ok }) => ok) &&
    resultsOf(reports).length > 0 &&
    resultsOf(reports).every(({ passed }) => passed)
  );
}

function resultsOf(reports: readonly CaseReport[]): readonly CaseResult[] {
  return reports.flatMap((report) => (report.ok ? report.results : []));
}

/** The problem with its source line; tabs stay, for the caret stands below a column. */
export function problemLines(problem: Problem): readonly string[] {
  return formatProblem(problem)
    .split('\n')
    .map((line) => line.split('\t').map(printable).join('\t'));
}

/** What a check found, for programs. */
export function checkJson(check: FolderCheck): object {
  if (!check.ok) return check;
  const { policies, entityCount, advice } = check;
  return {
    ok: true,
    digest: policies.digest,
    policies: policies.access.length + policies.workflows.length,
    workflows: policies.requestWorkflows.map(({ id }) => id),
    entities: entityCount,
    warnings: advice.failOpen,
    overlaps: advice.overlaps.pairs.map(({ used, other, example }) => ({
      used: used.id,
      other: other.id,
      example,
    })),
  };
}

/** How the cases came out, for programs. */
export function testJson(reports: readonly CaseReport[]): object {
  const results = resultsOf(reports);
  const passed = results.filter((result) => result.passed).length;
  const problems = reports.flatMap((report) => (report.ok ? [] : report.problems));
  return { ok: isPassed(reports), passed, failed: results.length - passed, results, problems };
}
