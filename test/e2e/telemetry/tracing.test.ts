import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onServer } from '../../support/postgres-server.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { type Processes, startProcesses } from '../../support/processes.ts';

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const SERVER = 2;
/** What there is to send waits for the end of the process. */
const NEVER = {
  OTEL_BSP_SCHEDULE_DELAY: '3600000',
  OTEL_BLRP_SCHEDULE_DELAY: '3600000',
  OTEL_METRIC_EXPORT_INTERVAL: '3600000',
};

let receiver: OtlpReceiver;
let processes: Processes;
let good: Called;
let failed: Called;
let sentBefore: readonly string[];
let exitCodes: readonly (number | null)[];

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  processes = await startProcesses({ ...receiver.env, ...NEVER });
  good = await callFromApplication();
  await onServer(processes.database.ownerUrl, 'ALTER TABLE idempotency_keys RENAME TO moved');
  failed = await callFromApplication();
  sentBefore = receiver.bodies.filter((body) => body.includes('"curfew-'));
  exitCodes = await Promise.all([processes.grant.stop(), processes.decision.stop()]);
}, 120_000);
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

/** What an application was answered in one trace. */
interface Called {
  readonly traceId: string;
  readonly requested: string;
  readonly effect: string;
}

async function callFromApplication(): Promise<Called> {
  const { grant, decision, issuer } = processes;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--import',
      at('calling-preload.ts'),
      at('calling-process.ts'),
      `127.0.0.1:${decision.port}`,
      `127.0.0.1:${grant.port}`,
      await issuer.token('User', 'ada'),
    ],
    { env: { PATH: process.env['PATH'] ?? '', ...receiver.env } },
  );
  const [traceId = '', requested = '', effect = ''] = stdout.trim().split(' ');
  return { traceId, requested, effect };
}

function spanOf({ traceId }: Called, fits: (span: ReceivedSpan) => boolean): ReceivedSpan {
  const found = receiver.spans().find((span) => span.traceId === traceId && fits(span));
  if (found === undefined) throw new Error('the trace has no such span');
  return found;
}

const parentOf = (child: ReceivedSpan) => spanOf(good, (span) => span.spanId === child.parentSpanId);

describe('a trace', () => {
  it('goes from the application through the SDK and the grant service to SQL', () => {
    expect(good.requested).toBe('granted');
    const server = spanOf(good, ({ name }) => name === 'curfew.grant.v1.GrantService/RequestAccess');
    expect(server).toMatchObject({ service: 'curfew-grant', kind: SERVER });
    expect(server.attributes).toEqual({
      'rpc.system': 'grpc',
      'rpc.service': 'curfew.grant.v1.GrantService',
      'rpc.method': 'RequestAccess',
      'rpc.grpc.status_code': 0,
    });
    const client = parentOf(server);
    expect(client).toMatchObject({ service: 'application', scope: '@opentelemetry/instrumentation-grpc' });
    expect(parentOf(client)).toMatchObject({ service: 'application', name: 'work' });
    const sql = ({ attributes }: ReceivedSpan) => String(attributes['db.query.text']);
    const append = spanOf(good, (span) => sql(span).includes('INSERT INTO ledger '));
    expect(append).toMatchObject({ service: 'curfew-grant', parentSpanId: server.spanId });
  });

  it('goes from the application through the SDK to the decision', () => {
    expect(good.effect).toBe('allow');
    const decided = spanOf(good, ({ name }) => name === 'decide');
    expect(decided.service).toBe('curfew-decision');
    expect(decided.attributes).toEqual({
      'curfew.decision.effect': 'ALLOW',
      'curfew.decision.policy_digest': expect.stringMatching(/^[0-9a-f]{64}$/),
      'curfew.decision.policy_ids': { values: [{ stringValue: 'ping' }] },
      'curfew.decision.revision': expect.stringMatching(/^\d+$/),
      'curfew.decision.stale': false,
    });
    const server = parentOf(decided);
    expect(server).toMatchObject({ name: 'curfew.decision.v1.DecisionService/Authorize', kind: SERVER });
    expect(parentOf(server).service).toBe('application');
  });

  it('is made for no probe and no look at the ledger', () => {
    const roots = receiver.spans().filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots.map(({ name }) => name)).toEqual(['work', 'work']);
  });
});

it('a log line says to which trace and span it belongs, here and where it is sent', () => {
  expect(failed.requested).toBe('failed');
  const line = processes.grant.lines.find((each) => each.includes('call failed')) ?? '{}';
  const server = spanOf(failed, ({ name }) => name === 'curfew.grant.v1.GrantService/RequestAccess');
  expect(JSON.parse(line)).toMatchObject({
    level: 'error',
    trace_id: failed.traceId,
    span_id: server.spanId,
    err: { type: 'error', code: '42P01' },
  });
  const sent = receiver.bodies.filter((body) => body.startsWith('/v1/logs'));
  expect(sent.join()).toContain(failed.traceId);
});

it('what is left is sent when a process ends', () => {
  expect(sentBefore).toEqual([]);
  expect(exitCodes).toEqual([0, 0]);
  const metrics = receiver.bodies.filter((body) => body.startsWith('/v1/metrics')).join();
  for (const name of ['curfew_decisions_total', 'curfew_ledger_appends_total', 'curfew_rpc_duration_seconds'])
    expect(metrics).toContain(`"name":"${name}"`);
});
