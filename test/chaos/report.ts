import type { Asked, Change, Fault, History } from './history.ts';
import type { RunResult } from './run.ts';

/** Of each invariant so many violations are shown. */
const SHOWN = 5;

/** What a run came to, for people. */
export function report({ history, revision, violations, directory }: RunResult): string {
  const { changes, asked, faults } = history;
  const lines = [
    `ledger      ${revision} rows`,
    `changes     ${tally(changes.map((change) => outcomeOf(change)))}`,
    `questions   ${tally(asked.map((question) => answerOf(question)))}`,
    `faults      ${tally(faults.map((fault) => fault.name.replace(/ -?\d+ ms$/, '')))}`,
    ...recoveries(history),
  ];
  for (const [invariant, found] of Map.groupBy(violations, (violation) => violation.invariant)) {
    lines.push(`${invariant} VIOLATED ${found.length} times`);
    for (const { what } of found.slice(0, SHOWN)) lines.push(`  ${what}`);
  }
  if (directory !== undefined) lines.push(`logs        ${directory}`);
  lines.push(`violations  ${violations.length}`);
  return lines.join('\n');
}

/** How long it took until something worked again after a kill, the longest of each. */
function recoveries({ changes, asked, faults }: History): readonly string[] {
  const writes = (fault: Fault): number | undefined =>
    changes.find(({ outcome, invokedMs }) => outcome.kind === 'ok' && invokedMs >= fault.fromMs)?.completedMs;
  const serves = (fault: Fault): number | undefined =>
    asked.find(
      ({ replica, answer, sentMs }) =>
        replica === fault.replica && answer.kind === 'decision' && sentMs >= fault.fromMs,
    )?.receivedMs;
  const longest = (name: string, chosen: readonly Fault[], until: typeof writes): string[] => {
    const tookMs = chosen
      .flatMap((fault) => (until(fault) ?? Number.NaN) - fault.fromMs)
      .filter(Number.isFinite);
    if (tookMs.length === 0) return [];
    return [`recovery    ${name}: ${tookMs.length} times, at most ${Math.round(Math.max(...tookMs))} ms`];
  };
  const kills = faults.filter(
    (fault) => fault.name === 'kill -9' && fault.replica?.startsWith('decision') === true,
  );
  return [
    ...longest(
      'postgres kill -9 until a change is acknowledged',
      faults.filter((fault) => fault.name === 'postgres kill -9'),
      writes,
    ),
    ...longest('decision service kill -9 until it decides', kills, serves),
  ];
}

function outcomeOf({ outcome }: Change): string {
  return outcome.kind === 'ok' ? 'acknowledged' : `${outcome.kind} ${outcome.reason}`;
}

function answerOf({ answer }: Asked): string {
  return answer.kind === 'decision' ? answer.effect : answer.reason;
}

function tally(names: readonly string[]): string {
  const counts = [...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length] as const);
  return counts
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
