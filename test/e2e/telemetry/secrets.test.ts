import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Curfew, createCurfew } from '../../../clients/sdk/index.ts';
import { Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { onServer, ROLE_PASSWORDS } from '../../support/postgres-server.ts';
import { type Processes, startProcesses, startService } from '../../support/processes.ts';
import { OFFICE } from '../../support/stack.ts';

/** What nobody may find outside of the text table and of the answers to those who may see it. */
const canary = {
  reason: 'canary-reason-b1',
  ticket: 'CHG-4711000471',
  comment: 'canary-comment-c2',
  revokeReason: 'canary-revoke-d3',
  context: 'canary-context-e4',
  number: 9_223_372_036_854_774_711n,
  attribute: 'canary-attribute-f5',
  fileAttribute: 'canary-file-a6',
  badAttribute: 'canary-bad-file-b7',
  badJson: 'canary-bad-json-c1',
  unknownToken: 'canary.token.c8',
  collectorKey: 'canary-collector-d9',
  failing: 'canary-failing-e0',
} as const;

const ada = { type: 'User', id: 'ada' };
const orders = { type: 'Database', id: 'orders' };
const patient = { timeout: 60_000 };

let folder: string;
let receiver: OtlpReceiver;
let processes: Processes;
const tokens: string[] = [];
const refusals: string[] = [];

beforeAll(async () => {
  folder = await policiesWithTexts();
  receiver = await startOtlpReceiver();
  processes = await startProcesses(
    {
      ...receiver.env,
      OTEL_EXPORTER_OTLP_HEADERS: `x-key=${canary.collectorKey}`,
      OTEL_LOG_LEVEL: 'debug',
      CURFEW_LOG_LEVEL: 'trace',
      GRPC_TRACE: 'all',
      GRPC_VERBOSITY: 'DEBUG',
    },
    folder,
  );
  await live();
}, 120_000);
afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** The office, with texts in contexts and attributes, and a policy whose error quotes the number it read. */
async function policiesWithTexts(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'curfew-canary-'));
  await cp(OFFICE, copy, { recursive: true });
  const change = async (file: string, from: string, to: string): Promise<void> => {
    const path = join(copy, file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    await writeFile(path, text.replace(from, to));
  };
  await change('schema.cedarschema', 'manager?: User', 'manager?: User, email?: String');
  await change('schema.cedarschema', 'rows?: Long', 'rows?: Long, note?: String');
  await change(
    'directory.json',
    '"id": "eve" }, "attrs": {',
    `"id": "eve" }, "attrs": {"email": "${canary.fileAttribute}"`,
  );
  await change(
    'access/access.cedar',
    '@id("ping")',
    `@id("overflows") forbid (principal, action == Action::"read", resource)
     when { context has rows && context.rows + 4711 == 0 };
     @id("noted") permit (principal, action == Action::"read", resource)
     when { context has note && context.note == "sesame" && principal has email && principal.email == "x" };
     @id("ping")`,
  );
  return copy;
}

/** Everything people do, with texts of their own, and everything that goes wrong with it. */
async function live(): Promise<void> {
  const { decision, grant } = processes;
  const [requester, owner, security, root] = await Promise.all(['ada', 'bob', 'cy', 'root'].map(known));
  if (requester === undefined || owner === undefined || security === undefined || root === undefined)
    throw new Error('four people were named');
  const entity = {
    uid: ada,
    attributes: { email: { kind: { case: 'stringValue', value: canary.attribute } } },
  } as const;
  await root.services.directory.applyEntities({
    entities: [{ ...entity, parents: [{ type: 'Group', id: 'staff' }] }],
  });
  await ask(requester);
  const request = await askForAccess(requester, canary.reason);
  await owner.services.grants.reviewAccessRequest({
    id: request?.id ?? '',
    requestHash: request?.requestHash ?? new Uint8Array(),
    verdict: Verdict.APPROVE,
    comment: canary.comment,
  });
  await ask(requester);
  await security.services.grants.revokeGrants({ subject: ada, reason: canary.revokeReason });
  refusals.push(
    await messageOf((await known('eve')).services.grants.getAccessRequest({ id: request?.id ?? '' })),
  );
  const stranger = createCurfew({
    decisionAddress: `127.0.0.1:${decision.port}`,
    grantAddress: `127.0.0.1:${grant.port}`,
    token: canary.unknownToken,
  });
  refusals.push(await messageOf(stranger.services.decision.getStatus({})));
  stranger.close();
  await breakTexts();
  refusals.push(await messageOf(askForAccess(requester, canary.failing)));
  await breakFolder();
}

async function known(id: string): Promise<Curfew> {
  const token = await processes.issuer.token('User', id);
  tokens.push(token);
  return await processes.as(id);
}

async function ask(client: Curfew): Promise<void> {
  const question = {
    principal: ada,
    action: 'read',
    resource: orders,
    context: { note: canary.context, rows: canary.number },
  };
  expect((await client.authorize(question)).effect).not.toBe('error');
  await client.authorize({ ...question, context: { ...question.context, nothing: canary.context } });
  await client.authorizeAll([question, { ...question, action: canary.context }]);
}

async function askForAccess(client: Curfew, reason: string) {
  const { request } = await client.requestAccess({
    items: [{ resource: orders, actions: ['read'] }],
    reason,
    ticket: canary.ticket,
  });
  return request;
}

async function messageOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => String(error),
  );
}

/** PostgreSQL refuses the text from now on, and its error has the whole row. */
async function breakTexts(): Promise<void> {
  await onServer(
    processes.database.ownerUrl,
    `ALTER TABLE ledger_text ADD CONSTRAINT refused CHECK (text NOT LIKE '%${canary.failing}%') NOT VALID`,
  );
}

/** The folder is refused for an attribute that does not fit, then for what is no JSON. */
async function breakFolder(): Promise<void> {
  const path = join(folder, 'directory.json');
  const text = await readFile(path, 'utf8');
  await writeFile(
    path,
    text.replace('"id": "bob" }, "attrs": {', `"id": "bob" }, "attrs": {"manager": "${canary.badAttribute}"`),
  );
  const refused = () =>
    processes.grant.lines.some((line) => line.includes('the policy folder is not in force'));
  await vi.waitUntil(refused, patient);
  await writeFile(path, text.replace('[', `[${canary.badJson}`));
  const unread = () => processes.grant.lines.some((line) => line.includes('not JSON'));
  await vi.waitUntil(unread, patient);
}

interface Sink {
  readonly name: string;
  readonly text: string;
}

async function rowsOf(statement: string): Promise<readonly unknown[]> {
  const owner = new pg.Client({ connectionString: processes.database.ownerUrl });
  await owner.connect();
  const { rows } = await owner.query<object>(statement);
  await owner.end();
  return rows;
}

async function sinks(): Promise<readonly Sink[]> {
  const { grant, decision } = processes;
  const sent = (path: string) => receiver.bodies.filter((body) => body.startsWith(path)).join('\n');
  return [
    { name: 'log of the grant service', text: grant.lines.join('\n') },
    { name: 'log of the decision service', text: decision.lines.join('\n') },
    { name: 'traces', text: sent('/v1/traces') },
    { name: 'metrics', text: sent('/v1/metrics') },
    { name: 'logs sent', text: sent('/v1/logs') },
    { name: 'metrics page of the grant service', text: await grant.metrics() },
    { name: 'metrics page of the decision service', text: await decision.metrics() },
    { name: 'ledger', text: JSON.stringify(await rowsOf('SELECT * FROM ledger')) },
    { name: 'refusals', text: refusals.join('\n') },
  ];
}

describe('L5 what people write', { timeout: 120_000 }, () => {
  it('L5 and their secrets appear in no log, trace, metric, error and nowhere in the ledger', async () => {
    const traced = () => receiver.spans().some(({ name }) => name.endsWith('RevokeGrants'));
    await expect.poll(traced, patient).toBe(true);
    const all = await sinks();
    // They went all the way, and what went wrong was told.
    expect(all.filter(({ text }) => text.length < 20)).toEqual([]);
    const texts = await rowsOf('SELECT string_agg(text, chr(10)) AS all FROM ledger_text');
    for (const text of [canary.reason, canary.comment, canary.attribute])
      expect(JSON.stringify(texts)).toContain(text);
    expect(all[0]?.text).toContain('"code":"23514"');
    expect(all[1]?.text).toContain('"policyId":"overflows"');
    const secrets = [
      ...Object.values(canary).map(String),
      ...tokens.flatMap((token) => [token, token.split('.')[2] ?? token]),
      ...Object.values(ROLE_PASSWORDS),
    ];
    const hits = all.flatMap(({ name, text }) =>
      secrets
        .filter((secret) => text.includes(secret))
        .map((secret) => `${secret} in ${name}: ${around(text, secret)}`),
    );
    expect(hits).toEqual([]);
  });

  it('L5 and the password of a database that refuses it are not said when a service cannot start', async () => {
    const url = new URL(processes.database.grantUrl);
    url.password = 'canary-password';
    const start = startService('grant', {
      PATH: process.env['PATH'] ?? '',
      ...receiver.env,
      CURFEW_LOG_LEVEL: 'trace',
      CURFEW_OIDC_ISSUER: 'test',
      CURFEW_OIDC_JWKS: join(folder, 'directory.json'),
      CURFEW_DATABASE_URL: url.href,
    });
    const said = await messageOf(start);
    expect(said).toContain('password authentication failed');
    expect(said).not.toContain(url.password);
  });
});

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 200), at + 100);
}
