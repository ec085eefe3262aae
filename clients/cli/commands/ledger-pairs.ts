import { durationFromMs, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { ReportApprovalPairsResponseSchema } from '../../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { columns } from '../columns.ts';
import { parseDuration } from '../duration.ts';
import { exitCode } from '../exit-code.ts';
import { localTime } from '../instants.ts';
import { showEntity } from '../request-screen.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

/** `curfew ledger pairs`: who approves whose requests, and the other way round. */
export function addPairs(ledger: Command, terminal: Terminal): void {
  ledger
    .command('pairs')
    .summary('count who approves whose requests, those who approve each other first')
    .option('--since <duration>', 'how far back to count', '30d')
    .action(async ({ since }: { readonly since: string }, command: Command) => {
      const within = durationFromMs(parseDuration(since, '--since'));
      await inSession(command, terminal, async (session) => {
        const answer = await session.curfew.services.ledger.reportApprovalPairs({ within, pageSize: 500 });
        session.show(ReportApprovalPairsResponseSchema, answer, () => [
          ...(answer.pairs.length === 0 ? [`nobody approved anything in the last ${since}`] : []),
          ...columns(
            ['APPROVER', 'APPROVED', 'TIMES', 'IN RETURN', 'LAST'],
            answer.pairs.map((pair) => [
              showEntity(pair.approver),
              showEntity(pair.approved),
              String(pair.approvals),
              String(pair.approvalsInReturn),
              pair.lastAt === undefined ? '' : localTime(timestampDate(pair.lastAt), terminal.now()),
            ]),
          ),
          ...(answer.nextOffset === 0
            ? []
            : ['there are more pairs than are shown: wanted a shorter --since']),
          ...session.next('ledger', 'ls'),
        ]);
        return exitCode.ok;
      });
    });
}
