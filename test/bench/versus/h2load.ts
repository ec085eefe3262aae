import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Report } from '../report/report.ts';
import { spreadOf } from '../report/spread.ts';
import { CONNECTIONS, IN_FLIGHT, type RoundOptions, type Side } from './sides.ts';

const PREFIX_BYTES = 5;

/** The same servers under a generator that is not ours. It asks one question again and again and looks at no answer. */
export async function besideH2load(
  report: Report,
  sides: readonly Side[],
  { rounds, seconds }: RoundOptions,
): Promise<void> {
  if (!(await isInstalled())) {
    report.note('h2load is not installed (apt-get install nghttp2-client): not measured beside it.');
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'h2load-'));
  const made: number[][] = sides.map(() => []);
  try {
    for (let round = 0; round < rounds; round += 1)
      for (const [index, side] of sides.entries()) made[index]?.push(await oneRun(side, folder, seconds));
  } finally {
    await rm(folder, { recursive: true });
  }
  for (const [index, { name }] of sides.entries())
    report.add({
      name: `${name}, one question, by h2load`,
      unit: 'calls/s',
      value: spreadOf(made[index] ?? []),
    });
}

async function isInstalled(): Promise<boolean> {
  return await promisify(execFile)('h2load', ['--version']).then(
    () => true,
    () => false,
  );
}

async function oneRun({ address, questions }: Side, folder: string, seconds: number): Promise<number> {
  const message = questions.message(0);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  const body = join(folder, 'body');
  await writeFile(body, Buffer.concat([prefix, message]));
  const headers = [
    'content-type: application/grpc',
    'te: trailers',
    ...(questions.token === undefined ? [] : [`authorization: Bearer ${questions.token}`]),
  ];
  const { stdout } = await promisify(execFile)('h2load', [
    `--duration=${Math.round(seconds * 1_000)}ms`,
    `--clients=${CONNECTIONS}`,
    `--max-concurrent-streams=${IN_FLIGHT / CONNECTIONS}`,
    ...headers.flatMap((header) => ['-H', header]),
    '-d',
    body,
    `http://${address}${questions.path}`,
  ]);
  const [, perSecond] = /finished in [^,]+, ([\d.]+) req\/s/.exec(stdout) ?? [];
  if (perSecond === undefined) throw new Error(`h2load said something else:\n${stdout}`);
  return Number(perSecond);
}
