import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Entity, EntityUid } from '../../core/access/entity.ts';
import type { PolicyFiles } from '../../core/policy/files.ts';
import type { Question } from '../../services/decision/question.ts';
import { random } from '../chaos/random.ts';
import {
  applied,
  type LocalDecision,
  localDecision,
  questionOf,
  started,
} from '../services/decision/local-decision.ts';

const PEOPLE = 1_000;
const HELD = 20;
const DATABASES = 500;
const DEPARTMENTS = 50;
const ROUNDS = 5;

/** One decision in this process, from a question that has been read to its answer: no network, no token. */
export async function decide(): Promise<void> {
  const counts = [10, 1_000];
  console.log(
    `${PEOPLE} people three groups deep, each with ${HELD} grants; every question is permitted by one of them; ` +
      `the best of ${ROUNDS} rounds; Node ${process.version}, ${cpus()[0]?.model ?? 'unknown'}`,
  );
  for (const count of counts) await decideAmong(count);
}

async function decideAmong(count: number): Promise<void> {
  const local = await localDecision(await company(count));
  await local.apply(applied(people(), new Date(local.machine.wall)));
  const questions = await granted(local);
  const seen = { first: Infinity, again: Infinity };
  for (let round = 0; round < ROUNDS; round += 1) {
    // Whatever is kept of answers is kept for one state of the directory.
    await local.apply(applied([{ ...bare('User', 'nobody'), parents: [] }], new Date(local.machine.wall)));
    local.poll();
    seen.first = Math.min(seen.first, medianUs(local, questions));
    seen.again = Math.min(seen.again, medianUs(local, questions));
  }
  console.log(
    `${String(count).padStart(6)} policies  p50 ${seen.first.toFixed(1)} µs asked for the first time, ${seen.again.toFixed(1)} µs again`,
  );
}

function medianUs(local: LocalDecision, questions: readonly Question[]): number {
  const tookUs = questions.map((question) => {
    const before = process.hrtime.bigint();
    const { effect } = local.ask(question);
    const after = process.hrtime.bigint();
    if (effect !== 'ALLOW') throw new Error('a wrong answer');
    return Number(after - before) / 1_000;
  });
  return tookUs.toSorted((a, b) => a - b)[Math.floor(tookUs.length / 2)] ?? Infinity;
}

async function granted(local: LocalDecision): Promise<readonly Question[]> {
  const order = random(1);
  const now = local.machine.wall;
  const window = { startsAt: new Date(now), expiresAt: new Date(now + 3_600_000) };
  const questions: Question[] = [];
  for (let person = 0; person < PEOPLE; person += 1)
    for (let held = 0; held < HELD; held += 1) {
      const resource: EntityUid = { type: 'Database', id: `database${(person * 7 + held) % DATABASES}` };
      const subject: EntityUid = { type: 'User', id: `person${person}` };
      await local.apply(
        started({ subject, resource, actions: ['read'], workflow: 'auto', ...window }, new Date(now)),
      );
      const action: EntityUid = { type: 'Action', id: 'read' };
      questions.push(questionOf({ principal: subject, action, resource, context: new Map() }));
    }
  return questions
    .map((question) => ({ question, at: order.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ question }) => question);
}

/** Policies such as companies have: most about one department or one environment, by their heads or their conditions. */
async function company(count: number): Promise<PolicyFiles> {
  const domain = new URL('../chaos/domain/', import.meta.url);
  const read = (path: string): Promise<string> => readFile(new URL(path, domain), 'utf8');
  const own = Array.from({ length: count - 2 }, (_, index) => {
    const group = `principal in Group::"department${index}"`;
    const head = index % 2 === 0 ? group : 'principal is User';
    const first = index % 2 === 0 ? '' : `${group} && `;
    const effect = index % 5 === 4 ? 'forbid' : 'permit';
    return `@id("own-${index}") ${effect} (${head}, action == Action::"read", resource is Database) when { ${first}resource.owners.contains(principal) };\n`;
  });
  // A file of policies is limited in size.
  const perFile = 1_000;
  const files = Array.from({ length: Math.ceil(own.length / perFile) }, (_, index): [string, string] => [
    `access/own-${index}.cedar`,
    own.slice(index * perFile, (index + 1) * perFile).join(''),
  ]);
  return new Map([
    [
      'schema.cedarschema',
      (await read('schema.cedarschema')).replace('entity Group;', 'entity Group in [Group];'),
    ],
    ['access/access.cedar', await read('access/access.cedar')],
    ['guardrails/guardrails.cedar', await read('guardrails/guardrails.cedar')],
    ['workflows/workflows.cedar', await read('workflows/workflows.cedar')],
    ...files,
  ]);
}

/** Each person is in a team, each team in a department, each department in the staff. */
function people(): readonly Entity[] {
  const group = (id: string): EntityUid => ({ type: 'Group', id });
  const numbers = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);
  return [
    bare('Group', 'staff'),
    { ...bare('Environment', 'test'), parents: [] },
    ...numbers(DEPARTMENTS).map((id) => ({ ...bare('Group', `department${id}`), parents: [group('staff')] })),
    ...numbers(DEPARTMENTS * 4).map((id) => ({
      ...bare('Group', `team${id}`),
      parents: [group(`department${id % DEPARTMENTS}`)],
    })),
    ...numbers(PEOPLE).map((id) => ({
      ...bare('User', `person${id}`),
      parents: [group(`team${id % (DEPARTMENTS * 4)}`)],
    })),
    ...numbers(DATABASES).map((id) => ({
      ...bare('Database', `database${id}`),
      attributes: new Map([['owners', { kind: 'set', values: [] } as const]]),
      parents: [{ type: 'Environment', id: 'test' }],
    })),
  ];
}

function bare(type: string, id: string): Entity {
  return { uid: { type, id }, attributes: new Map(), parents: [], tags: new Map() };
}
