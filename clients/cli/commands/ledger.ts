import { type Command, Option } from 'commander';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import {
  type LedgerEvent,
  ListEventsResponseSchema,
  VerifyLedgerResponseSchema,
} from '../../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { columns, facts } from '../columns.ts';
import { readInt64 } from '../exact-json.ts';
import { exitCode } from '../exit-code.ts';
import { localTime } from '../instants.ts';
import { addPairs } from './ledger-pairs.ts';
import { findGrantId, findRequestId } from '../known-ids.ts';
import { addPaging, nextPage, type PagingOptions } from '../paging.ts';
import { shorten } from '../printable.ts';
import { inSession } from '../session.ts';
import type { Terminal } from '../terminal.ts';

interface ListOptions extends PagingOptions {
  readonly request?: string;
  readonly grant?: string;
}

/** A million rows take about 15 seconds. */
const VERIFY_MS = 600_000;

/** `curfew ledger ls` and `curfew ledger verify`. */
export function addLedger(program: Command, terminal: Terminal): void {
  const ledger = program.command('ledger').summary('read and verify everything that happened');
  const list = ledger
    .command('ls')
    .summary('list what happened, newest first')
    .option('--request <id>', 'only what belongs to this request')
    .option('--grant <id>', 'only what belongs to this grant')
    .action(async (options: ListOptions, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const { curfew } = session;
        const answer = await curfew.services.ledger.listEvents({
          pageSize: options.limit,
          pageToken: options.pageToken,
          ...(options.request === undefined
            ? {}
            : { requestId: await findRequestId(curfew, options.request) }),
          ...(options.grant === undefined ? {} : { grantId: await findGrantId(curfew, options.grant) }),
        });
        session.show(ListEventsResponseSchema, answer, () => [
          ...(answer.events.length === 0 ? ['no events'] : eventTable(answer.events, terminal)),
          ...nextPage(
            session,
            answer.nextPageToken,
            ['ledger', 'ls', ...filters(options)],
            session.next('ledger', 'verify'),
          ),
        ]);
        return exitCode.ok;
      });
    });
  addPaging(list);
  addVerify(ledger, terminal);
  addPairs(ledger, terminal);
}

function addVerify(ledger: Command, terminal: Terminal): void {
  ledger
    .command('verify')
    .summary('recompute the chain and say whether anything was changed; exits 1 if so')
    .addOption(
      new Option('--from <revision>', 'the first revision to check')
        .argParser(readFrom)
        // Said in words, for help shows defaults as JSON, which has no bigint.
        .default(1n, '1'),
    )
    .action(async ({ from: fromRevision }: { readonly from: bigint }, command: Command) => {
      await inSession(command, terminal, async (session) => {
        const answer = await session.curfew.services.ledger.verifyLedger(
          { fromRevision },
          { timeoutMs: VERIFY_MS },
        );
        const { intact, faults } = answer;
        const { paint } = terminal;
        session.show(VerifyLedgerResponseSchema, answer, () => [
          intact
            ? `${paint.good('INTACT')}  every row is whole and linked`
            : `${paint.bad('BROKEN')}  the ledger was changed`,
          ...facts([
            ['revisions', `${answer.firstRevision} to ${answer.lastRevision}`],
            ['head', Buffer.from(answer.headHash).toString('hex')],
          ]),
          ...(faults.length === 0 ? [] : ['']),
          ...columns(
            ['REVISION', 'FAULT'],
            faults.map(({ revision, description }) => [String(revision), description]),
          ),
          ...session.next('ledger', 'ls'),
        ]);
        return intact ? exitCode.ok : exitCode.error;
      });
    });
}

function eventTable(events: readonly LedgerEvent[], { now }: Terminal): readonly string[] {
  const rows = events.map((event) => [
    String(event.revision),
    event.at === undefined ? '' : localTime(timestampDate(event.at), now()),
    event.kind,
    event.actor,
    event.grantId === ''
      ? event.requestId === ''
        ? ''
        : `request ${event.requestId}`
      : `grant ${event.grantId}`,
    shorten(event.text, 50),
  ]);
  return columns(['REVISION', 'AT', 'KIND', 'ACTOR', 'ABOUT', 'TEXT'], rows);
}

function filters({ request, grant }: ListOptions): readonly string[] {
  return [
    ...(request === undefined ? [] : ['--request', request]),
    ...(grant === undefined ? [] : ['--grant', grant]),
  ];
}

function readFrom(given: string): bigint {
  return readInt64(given, '--from');
}
