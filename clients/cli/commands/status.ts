import { toJson } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { CurfewError, type EntityName } from '../../sdk/index.ts';
import { callerName } from '../caller.ts';
import { facts } from '../columns.ts';
import { showDuration } from '../duration.ts';
import { formatEntity } from '../entity-name.ts';
import { exitCode } from '../exit-code.ts';
import { printable, printableJson } from '../printable.ts';
import { reportError } from '../report-error.ts';
import { inSession, type Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew status`: whether both services answer, and how current decisions are. Exits 1 unless both are well. */
export function addStatus(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .summary('show whether both services answer and how current they are')
    .action(async (_options: object, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const { curfew, isJson } = session;
        const [decision, grant] = await Promise.all([
          outcome(curfew.services.decision.getStatus({})),
          outcome(callerName(curfew)),
        ]);
        terminal.out(
          isJson
            ? [printableJson(asJson(decision, grant))]
            : [
                ...decisionLines(session, decision),
                ...grantLines(session, grant),
                ...session.next(decision instanceof CurfewError ? 'status' : 'grants'),
              ],
        );
        const isWell = isDecisionWell(decision) && !(grant instanceof CurfewError);
        return isWell ? exitCode.ok : exitCode.error;
      });
    });
}

function isDecisionWell(status: GetStatusResponse | CurfewError): boolean {
  return !(status instanceof CurfewError) && status.ready && status.refusedPolicyDigest === '';
}

async function outcome<T>(answer: Promise<T>): Promise<T | CurfewError> {
  try {
    return await answer;
  } catch (error) {
    return CurfewError.from(error);
  }
}

function decisionLines(session: Session, status: GetStatusResponse | CurfewError): readonly string[] {
  const { curfew, terminal } = session;
  const { paint } = terminal;
  const title = `decision service  ${printable(curfew.addresses.decision)}`;
  if (status instanceof CurfewError) return [`${paint.bad('DOWN')}   ${title}`, ...problem(status, session)];
  return [
    `${status.ready ? paint.good('READY') : paint.waiting('NOT READY')}  ${title}`,
    ...facts([
      ['revision', String(status.revision)],
      ['last poll', `${showDuration(status.staleness)} ago`],
      ['live grants', String(status.liveGrants)],
      ['policies', status.policyDigest],
      ...refusedFact(status),
    ]),
  ];
}

function refusedFact({ refusedPolicyDigest }: GetStatusResponse): readonly (readonly [string, string])[] {
  if (refusedPolicyDigest === '') return [];
  return [
    ['refused', `${refusedPolicyDigest}: its self-check found a difference, which the service's log names`],
  ];
}

function grantLines(session: Session, caller: EntityName | CurfewError): readonly string[] {
  const { curfew, terminal } = session;
  const { paint } = terminal;
  const title = `grant service     ${printable(curfew.addresses.grant)}`;
  if (caller instanceof CurfewError) return [`${paint.bad('DOWN')}   ${title}`, ...problem(caller, session)];
  return [`${paint.good('READY')}  ${title}`, ...facts([['you are', formatEntity(caller)]])];
}

function problem(error: CurfewError, session: Session): readonly string[] {
  const command = (...words: readonly string[]) => session.command(...words);
  return reportError(error, { isJson: false, command }).lines.map((line) => `  ${line}`);
}

function asJson(decision: GetStatusResponse | CurfewError, grant: EntityName | CurfewError): object {
  const failed = ({ message, code, reason }: CurfewError) => ({ error: { message, status: code, reason } });
  return {
    decision: decision instanceof CurfewError ? failed(decision) : toJson(GetStatusResponseSchema, decision),
    grant: grant instanceof CurfewError ? failed(grant) : { caller: grant },
  };
}
