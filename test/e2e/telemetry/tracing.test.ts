import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onServer } from '../../support/postgres-server.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { type Processes, startProcesses } from '../../support/processes.ts';

const at = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const patient = { timeout: 20_000 };
const SERVER = 2;

let receiver: OtlpReceiver;
let processes: Processes;
let called: Called;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  processes = await startProcesses(receiver.env);
  called = await callFromApplication();
});
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

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
      ...['--import', at('calling-preload.ts'), at('calling-process.ts')],
      ...[`127.0.0.1:${decision.port}`, `127.0.0.1:${grant.port}`, await issuer.token('User', 'ada')],
    ],
    { env: { PATH: process.env['PATH'] ?? '', ...receiver.env } },
  );
  const [traceId = '', requested = '', effect = ''] = stdout.trim().split(' ');
  return { traceId, requested, effect };
}

/** The span of the trace that fits, once it has come in. */
async function spanOf(fits: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan> {
  const find = () => receiver.spans().find((span) => span.traceId === called.traceId && fits(span));
  await expect.poll(find, patient).toBeDefined();
  return find() ?? expect.fail('it was there a moment ago');
}

const parentOf = (child: ReceivedSpan) => spanOf((span) => span.spanId === child.parentSpanId);

describe('a trace', () => {
  it('goes from the application through the SDK and the grant service to SQL', async () => {
    expect(called.requested).toBe('granted');
    const server = await spanOf(({ name }) => name === 'curfew.grant.v1.GrantService/RequestAccess');
    expect(server).toMatchObject({ service: 'curfew-grant', kind: SERVER });
    expect(server.attributes).toMatchObject({
      'rpc.system': 'grpc',
      'rpc.service': 'curfew.grant.v1.GrantService',
      'rpc.method': 'RequestAccess',
    });
    const client = await parentOf(server);
    expect(client).toMatchObject({ service: 'application', scope: '@opentelemetry/instrumentation-grpc' });
    const work = await parentOf(client);
    expect(work).toMatchObject({ service: 'application', name: 'work' });
    const append = await spanOf(({ attributes }) =>
      /INSERT INTO ledger /.test(String(attributes['db.query.text'])),
    );
    expect(append).toMatchObject({ service: 'curfew-grant', parentSpanId: server.spanId });
  });

  it('goes from the application through the SDK to the decision', async () => {
    expect(called.effect).toBe('allow');
    const decided = await spanOf(({ name }) => name === 'decide');
    expect(decided.service).toBe('curfew-decision');
    expect(Object.keys(decided.attributes).sort()).toEqual([
      'curfew.decision.effect',
      'curfew.decision.policy_digest',
      'curfew.decision.policy_ids',
      'curfew.decision.revision',
      'curfew.decision.stale',
    ]);
    expect(decided.attributes).toMatchObject({
      'curfew.decision.effect': 'ALLOW',
      'curfew.decision.policy_ids': { values: [{ stringValue: 'ping' }] },
      'curfew.decision.stale': false,
    });
    const server = await parentOf(decided);
    expect(server).toMatchObject({ name: 'curfew.decision.v1.DecisionService/Authorize', kind: SERVER });
    expect((await parentOf(server)).service).toBe('application');
  });
});

it('probes and looks at the ledger make no traces of their own', () => {
  const roots = receiver.spans().filter(({ parentSpanId }) => parentSpanId === undefined);
  expect(roots.map(({ name }) => name)).toEqual(['work']);
});

it('a log line says to which trace and span it belongs, here and where it is sent', async () => {
  await onServer(processes.database.ownerUrl, 'ALTER TABLE idempotency_keys RENAME TO moved');
  const { traceId, requested } = await callFromApplication();
  expect(requested).toBe('failed');
  const line = processes.grant.lines.find((each) => each.includes('call failed')) ?? '{}';
  expect(JSON.parse(line)).toMatchObject({
    level: 'error',
    trace_id: traceId,
    span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
    err: { type: 'error', code: '42P01' },
  });
  const sent = () => receiver.bodies.filter((body) => body.startsWith('/v1/logs') && body.includes(traceId));
  await expect.poll(sent, patient).toHaveLength(1);
});
