import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { createCurfew, CurfewError } from '../../clients/sdk/index.ts';
import { readPolicyFolder } from '../../core/policy/files.ts';
import {
  AuthorizeRequestSchema,
  AuthorizeResponseSchema,
  Effect,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { openLean, type Outcome } from '../bench/generator/lean-connection.ts';
import type { Questions } from '../bench/generator/questions.ts';
import { inParallel } from '../bench/in-parallel.ts';
import { type Company, foundCompany } from '../bench/versus/company.ts';
import { curfewQuestions } from '../bench/versus/curfew-questions.ts';
import { type CurfewServices, startCurfew } from '../bench/versus/curfew.ts';
import { grantsOfAll } from '../bench/versus/granted.ts';
import { random } from '../chaos/random.ts';
import { startGoodCalls } from './good-calls.ts';
import { hostileFiles } from './hostile-files.ts';
import { malformed } from './malformed-calls.ts';

export interface ServiceFuzzOptions {
  readonly seed: number;
  /** Malformed calls to the decision service. */
  readonly calls: number;
  /** Hostile policy folders, shown to the grant service; each tenth lies in the folder in force for a while. */
  readonly policies: number;
}

const COMPANY = { policies: 20, people: 50 };
const BAD_AT_ONCE = 16;
const TIMEOUT_MS = 120_000;
/** Bytes that are no HTTP/2 come on a connection of their own, once in so many calls. */
const GARBAGE_EVERY = 500;

/** Real services over sockets: good calls go on and are answered right, whatever else is sent. @returns whether they were */
export async function fuzzService({ seed, calls, policies }: ServiceFuzzOptions): Promise<boolean> {
  console.log(`service: seed ${seed}, ${calls} malformed calls, ${policies} hostile policy folders`);
  const company = foundCompany(COMPANY.policies, COMPANY.people);
  await using curfew = await startCurfew({ company, grants: grantsOfAll(company) });
  const questions = curfewQuestions(company, curfew.token);
  const { address, token } = curfew;
  const endGoodCalls = startGoodCalls({ address, token, ...COMPANY });
  const [bad, shown] = await Promise.all([
    malformedCalls(curfew, company, questions, { seed, calls }),
    hostilePolicies(curfew, { seed, policies }),
  ]);
  const { asked, faults, p99Ms } = await endGoodCalls();
  console.log(`good calls: ${asked}, p99 at most ${p99Ms} ms`);
  for (const [fault, count] of faults) console.log(`  FAULT: ${count} × ${fault}`);
  console.log(
    `malformed calls: ${[...bad.outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(', ')}`,
  );
  console.log(`  ALLOW for what nobody granted: ${bad.wrong}`);
  console.log(
    `hostile policies: ${shown.refused} refused, ${shown.loadable} could be loaded, ${shown.failed} without an answer`,
  );
  return faults.length === 0 && bad.wrong === 0 && shown.failed === 0;
}

async function malformedCalls(
  { address, token }: CurfewServices,
  company: Company,
  questions: Questions,
  { seed, calls }: { readonly seed: number; readonly calls: number },
): Promise<{ readonly outcomes: ReadonlyMap<string, number>; readonly wrong: number }> {
  const order = random(seed);
  const outcomes = new Map<string, number>();
  let wrong = 0;
  let connection = await openLean({ address, path: questions.path, token });
  await inParallel(
    BAD_AT_ONCE,
    Array.from({ length: calls }, (_, index) => index),
    async (index) => {
      if (index % GARBAGE_EVERY === 0) await sendGarbage(address, order.between(0, 2 ** 31));
      const message = malformed(questions.message(order.between(0, questions.count)), order);
      const outcome = await new Promise<Outcome>((resolve) => connection.ask(message, resolve));
      if (outcome.kind === 'failure' && !outcome.why.startsWith('grpc-status'))
        connection = await openLean({ address, path: questions.path, token });
      const name = nameOf(outcome);
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      if (name === 'ALLOW' && !isGranted(company, message)) wrong += 1;
    },
  );
  connection.close();
  return { outcomes, wrong };
}

function nameOf(outcome: Outcome): string {
  if (outcome.kind === 'failure') return outcome.why;
  return fromBinary(AuthorizeResponseSchema, outcome.message).effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
}

/** Everybody of the company may read everything, and nobody may do anything else. */
function isGranted({ people, databases }: Company, message: Buffer): boolean {
  const { principal, action, resource } = fromBinary(AuthorizeRequestSchema, message);
  return (
    principal?.type === 'User' &&
    people.some(({ id }) => id === principal.id) &&
    ['', 'Action'].includes(action?.type ?? 'none') &&
    action?.id === 'read' &&
    resource?.type === 'Database' &&
    databases.some(({ id }) => id === resource.id)
  );
}

async function sendGarbage(address: string, seed: number): Promise<void> {
  const [host = '', port] = address.split(':');
  const order = random(seed);
  const socket = connect({ host, port: Number(port) });
  socket.on('error', () => undefined); // the service may reset it
  await once(socket, 'connect');
  const preface = order.between(0, 2) === 0 ? 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' : '';
  const junk = Buffer.from(Array.from({ length: 200 }, () => order.between(0, 256)));
  await new Promise<void>((resolve) =>
    socket.write(Buffer.concat([Buffer.from(preface), junk]), () => resolve()),
  );
  socket.destroy();
}

async function hostilePolicies(
  { grantAddress, adminToken, policyFolder }: CurfewServices,
  { seed, policies }: { readonly seed: number; readonly policies: number },
): Promise<{ readonly refused: number; readonly loadable: number; readonly failed: number }> {
  const curfew = createCurfew({ grantAddress, token: adminToken, timeoutMs: TIMEOUT_MS });
  const seen = { refused: 0, loadable: 0, failed: 0 };
  try {
    const good = await readPolicyFolder(policyFolder);
    for (const [index, files] of fc.sample(hostileFiles(good), { seed, numRuns: policies }).entries()) {
      if (index % 10 === 0)
        await writeFile(join(policyFolder, 'access', 'hostile.cedar'), hostileText(files, good));
      const sent = Object.fromEntries(Array.from(files, ([name, text]) => [name, text.toWellFormed()]));
      const answer = await curfew.services.policies.validatePolicies({ files: sent }).catch(refusal);
      if (typeof answer === 'string') console.log(`  no answer about policies ${index}: ${answer}`);
      seen[typeof answer === 'string' ? 'failed' : answer.problems.length > 0 ? 'refused' : 'loadable'] += 1;
      if (index % 10 === 9) await rm(join(policyFolder, 'access', 'hostile.cedar'), { force: true });
    }
  } finally {
    curfew.close();
  }
  return seen;
}

/** A message that is too large is refused as such, like problems. */
function refusal(error: unknown): string | { readonly problems: readonly unknown[] } {
  const isRefused =
    error instanceof CurfewError && ['FIELD_INVALID', 'TOO_MUCH'].includes(error.reason ?? '');
  return isRefused ? { problems: [error] } : String(error);
}

/** A file that is no policy at all, so that the folder in force is refused for as long as it lies there. */
function hostileText(files: ReadonlyMap<string, string>, good: ReadonlyMap<string, string>): string {
  const changed = Array.from(files).find(([name, text]) => good.get(name) !== text);
  return `permit (${changed?.[1].toWellFormed().slice(0, 10_000) ?? ''}`;
}
