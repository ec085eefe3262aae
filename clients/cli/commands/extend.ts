import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { ExtendGrantResponseSchema } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { CurfewError, isDecided } from '../../sdk/index.ts';
import { parseDuration } from '../duration.ts';
import { exitCode } from '../exit-code.ts';
import { grantLines, nextForGrant } from '../grant-screen.ts';
import { findGrantId } from '../known-ids.ts';
import { nextForRequest, outcomeLines, requestLines } from '../request-screen.ts';
import { inSession, type Session } from '../session.ts';
import { requestExitCode } from '../states.ts';
import type { Terminal } from '../terminal.ts';
import { waitForDecision } from '../wait-for-decision.ts';

interface ExtendOptions {
  readonly duration?: string;
  readonly reason: string;
  readonly ticket: string;
  readonly wait: boolean;
}

/** `curfew extend`: asks for a grant to last longer and waits for the decision. */
export function addExtend(program: Command, terminal: Terminal): void {
  program
    .command('extend')
    .summary('ask for a grant to last longer')
    .description(
      'Asks, waits for the decision and exits 0 approved, 10 denied, 11 pending (--no-wait), 12 expired.',
    )
    .argument('<id>', 'the id, or the beginning of it')
    .option('-d, --duration <duration>', "how much longer: 15m, 1h (default: the workflow's)")
    .option('-r, --reason <text>', 'why', '')
    .option('-t, --ticket <id>', "the ticket it belongs to (default: the grant's)", '')
    .option('--no-wait', 'do not wait for the decision')
    .action(async (given: string, options: ExtendOptions, command: Command) => {
      const ms = options.duration === undefined ? undefined : parseDuration(options.duration, '--duration');
      await inSession(command, terminal, async (session) => {
        const id = await findGrantId(session.curfew, given);
        return await extend(session, { id, ...options }, ms);
      });
    });
}

interface Wanted {
  readonly id: string;
  readonly reason: string;
  readonly ticket: string;
  readonly wait: boolean;
}

async function extend(
  session: Session,
  { id, reason, ticket, wait }: Wanted,
  ms: number | undefined,
): ReturnType<Parameters<typeof inSession>[2]> {
  const { curfew, terminal, isJson } = session;
  const { grants } = curfew.services;
  const duration = ms === undefined ? {} : { duration: durationFromMs(ms) };
  const response = await grants.extendGrant({
    id,
    reason,
    ticket,
    idempotencyKey: randomUUID(),
    ...duration,
  });
  const { request } = response;
  if (request === undefined) throw new CurfewError('INTERNAL', 'the answer has no request');
  const isFinal = isDecided(request) || !wait;
  if (!isJson) terminal.out(requestLines(request, terminal));
  const outcome = isFinal ? request : await waitForDecision(session, request);
  if (outcome === undefined) return exitCode.interrupted;
  const { grant } = isFinal ? response : await grants.getGrant({ id });
  const final = create(ExtendGrantResponseSchema, {
    ...response,
    request: outcome,
    ...(grant === undefined ? {} : { grant }),
  });
  session.show(ExtendGrantResponseSchema, final, () => [
    ...(isFinal ? [] : ['', ...outcomeLines(outcome, terminal)]),
    ...(grant === undefined ? [] : ['', ...grantLines(grant, terminal)]),
    ...(grant === undefined || !isDecided(outcome)
      ? nextForRequest(outcome, session)
      : nextForGrant(session, grant)),
  ]);
  return requestExitCode(outcome.state);
}
