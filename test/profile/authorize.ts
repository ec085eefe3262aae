import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts } from '../chaos/free-ports.ts';
import { closedLoop } from '../bench/generator/measure.ts';
import { conditionsOf } from '../bench/report/conditions.ts';
import { foundCompany } from '../bench/versus/company.ts';
import { curfewQuestions } from '../bench/versus/curfew-questions.ts';
import { startCurfew } from '../bench/versus/curfew.ts';
import { drawn, eachOnce, grantsOfAll } from '../bench/versus/granted.ts';
import { CONNECTIONS, IN_FLIGHT } from '../bench/versus/sides.ts';
import { inspect } from './inspect.ts';
import { type Share, selfTime } from './self-time.ts';

export interface ProfileOptions {
  readonly seconds: number;
  readonly policies: number;
  /** Where profiles are written. */
  readonly folder: string;
}

const DRAWN_FROM = 10_000;
/** Until V8 has compiled what is called often. */
const WARM_UP = 25_000;
const MOST_FUNCTIONS = 30;
const NAMES = { once: 'no question twice', again: 'drawn from 10,000' } as const;

/** One decision process under load: where its time goes, for questions that were not asked before and for questions that were. */
export async function profileAuthorize({ seconds, policies, folder }: ProfileOptions): Promise<void> {
  const company = foundCompany(policies);
  const [port = 0] = await findFreePorts(1);
  const env = { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` };
  await using curfew = await startCurfew({ company, grants: grantsOfAll(company), env });
  const inspected = await inspect(port);
  const questions = curfewQuestions(company, curfew.token);
  const load = { address: curfew.address, questions, connections: CONNECTIONS, inFlight: IN_FLIGHT };
  await mkdir(folder, { recursive: true });
  const { cores, cpu, node, load: others } = conditionsOf();
  console.log(
    `${policies} policies, ${IN_FLIGHT} at once; ${cores} cores (${cpu}), Node ${node}, load average ${others}`,
  );
  for (const kind of ['once', 'again'] as const) {
    const next = kind === 'once' ? eachOnce(company) : drawn(company, DRAWN_FROM);
    if (kind === 'again')
      await closedLoop({ ...load, next: eachOnce(company), most: DRAWN_FROM, seconds: 60 });
    await closedLoop({ ...load, next, most: WARM_UP, seconds: 60 });
    await inspected.start();
    const { calls } = await closedLoop({ ...load, next, seconds });
    const profile = await inspected.stop();
    const path = join(folder, `authorize-${kind}.cpuprofile`);
    await writeFile(path, JSON.stringify(profile));
    const { busyMs, byArea, byFunction } = selfTime(profile);
    console.log(
      `\n${NAMES[kind]}: ${calls} calls, ${((busyMs * 1_000) / calls).toFixed(0)} µs each; ${path}`,
    );
    print(byArea, calls);
    console.log('');
    print(byFunction.slice(0, MOST_FUNCTIONS), calls);
  }
  inspected.close();
}

function print(shares: readonly Share[], calls: number): void {
  for (const { name, ms, share } of shares)
    console.log(
      `${(share * 100).toFixed(1).padStart(5)} %  ${((ms * 1_000) / calls).toFixed(1).padStart(6)} µs  ${name}`,
    );
}
