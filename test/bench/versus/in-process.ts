import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEntities } from '../../../core/access/entity-json.ts';
import { readPolicyFolder } from '../../../core/policy/files.ts';
import { answerAt } from '../../../services/decision/authorize.ts';
import { momentOf } from '../../../services/decision/moment.ts';
import type { Question } from '../../../services/decision/question.ts';
import { applied, localDecision, questionOf, started } from '../../services/decision/local-decision.ts';
import type { Report } from '../report/report.ts';
import { spreadOf } from '../report/spread.ts';
import { foundCompany } from './company.ts';
import { writeCurfewPolicies } from './curfew-policies.ts';
import { drawn, pairAt } from './granted.ts';

const POLICIES = 1_000;
const QUESTIONS = 10_000;

/** One decision in this process, from a question that has been read to its answer: no network, no token. */
export async function inProcess(report: Report, { rounds }: { readonly rounds: number }): Promise<void> {
  const company = foundCompany(POLICIES);
  await using policies = await writeCurfewPolicies(company);
  const local = await localDecision(await readPolicyFolder(policies.folder));
  const now = (): Date => new Date(local.machine.wall);
  const directory = parseEntities(await readFile(join(policies.folder, 'directory.json'), 'utf8'));
  await local.apply(applied(directory, now()));
  const expiresAt = new Date(local.machine.wall + 3_600_000);
  const actions = ['read'];
  for (const { id } of company.people)
    for (const environment of company.environments) {
      const [subject, resource] = [
        { type: 'User', id },
        { type: 'Environment', id: environment },
      ];
      await local.apply(
        started({ subject, resource, actions, workflow: 'auto', startsAt: now(), expiresAt }, now()),
      );
    }
  const next = drawn(company, QUESTIONS);
  const questions = [...new Set(Array.from({ length: 2 * QUESTIONS }, next))].map((index): Question => {
    const { person, database } = pairAt(company, index);
    return questionOf({
      principal: { type: 'User', id: person.id },
      action: { type: 'Action', id: 'read' },
      resource: { type: 'Database', id: database.id },
      context: new Map([['mfa', { kind: 'bool', value: true }]]),
    });
  });
  const medianUs = (): number => {
    const tookUs = questions.map((question) => {
      const beforeNs = process.hrtime.bigint();
      const moment = momentOf(local.clock, local.context.staleStandingMs);
      const { settled } = answerAt(local.context, moment, question.principal, question);
      const tookNs = process.hrtime.bigint() - beforeNs;
      if (settled.effect !== 'ALLOW') report.fault('in process: a question was denied');
      return Number(tookNs) / 1_000;
    });
    return spreadOf(tookUs).median;
  };
  const [first, again]: readonly [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round += 1) {
    // Whatever is kept of answers is kept for one state of the directory.
    await local.apply(applied(directory, now()));
    local.poll();
    const taken = [medianUs(), medianUs()] as const;
    if (round === 0) continue; // to get warm
    first.push(taken[0]);
    again.push(taken[1]);
  }
  const name = `a decision in process, ${POLICIES.toLocaleString('en')} policies, p50`;
  report.add({
    name: `${name}, asked for the first time`,
    unit: 'µs',
    value: spreadOf(first),
    bar: { is: 'at most', than: 60 },
  });
  report.add({
    name: `${name}, asked again`,
    unit: 'µs',
    value: spreadOf(again),
    bar: { is: 'at most', than: 3 },
  });
}
