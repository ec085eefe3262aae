import { expect, test } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import { countRuns } from '../../../../services/grant/jobs/count-runs.ts';

/** What is said of one run that ends so. */
async function runOf(work: () => Promise<void>, isBrokenOff: boolean): Promise<readonly string[]> {
  const said: string[] = [];
  const run = countRuns('lapses', work, {
    counts: { ranJob: (name, outcome) => void said.push(`${name} ${outcome}`) },
    log: { error: () => void said.push('error') },
    onDone: () => void said.push('well'),
    onTrouble: ({ message }) => void said.push(message),
  });
  await run(isBrokenOff ? AbortSignal.abort() : new AbortController().signal);
  return said;
}

test.each<readonly [string, () => Promise<void>, boolean, readonly string[]]>([
  ['that is done', () => Promise.resolve(), false, ['well', 'lapses done']],
  ['that fails', () => Promise.reject(new Error('no')), false, ['lapses failed', 'error']],
  [
    'that fails of what will be over',
    () => Promise.reject(new AccessError('DATABASE_UNAVAILABLE', 'it restarts')),
    false,
    ['lapses failed', 'it restarts'],
  ],
  ['that is broken off', () => Promise.reject(new Error('aborted')), true, []],
])(
  'a run %s is counted and told as what it is, and never rejects',
  async (_which, work, isBrokenOff, said) => {
    expect(await runOf(work, isBrokenOff)).toEqual(said);
  },
);
