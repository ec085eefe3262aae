import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCurfew } from '../../../../clients/sdk/index.ts';
import { DecisionService } from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { connect, endOf, readRefusal, type TestClient } from '../../../core/rpc/test-client.ts';
import { OFFICE, type Stack, startStack } from '../../../support/stack.ts';

const patiently = { timeout: 60_000 };
const user = (id: string) => ({ type: 'User', id });

let folder: string;
let stack: Stack;
let client: TestClient;

const KEEPERS_WATCH =
  '@id("keepers-watch") permit (principal in Group::"keepers", action == Curfew::Action::"watch", resource);\n';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-watch-'));
  await cp(OFFICE, folder, { recursive: true });
  await writeFile(join(folder, 'workflows', 'watch.cedar'), KEEPERS_WATCH);
  stack = await startStack({ policies: folder });
  client = connect(stack.decision.port);
}, 60_000);
afterAll(async () => {
  client?.close();
  await stack?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A stream that has been told something already. */
async function watching(token: string, principals: readonly ReturnType<typeof user>[] = []) {
  const request = { principals: [...principals] };
  const stream = client.stream(DecisionService.method.watchChanges, request, { token });
  await once(stream, 'data');
  return stream;
}

async function apply(id: string, parents: readonly string[]): Promise<void> {
  const root = await stack.as('root');
  await root.services.directory.applyEntities({
    entities: [{ uid: user(id), parents: parents.map((group) => ({ type: 'Group', id: group })) }],
  });
}

async function caughtUp(): Promise<void> {
  const { revision } = stack.grant.context.followed.replica;
  await stack.decision.followed.follower.waitFor(revision, 10_000);
}

async function metric(line: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${stack.decision.httpPort}/metrics`)).text();
  const found = page.split('\n').find((each) => each.startsWith(`${line} `));
  return Number(found?.split(' ')[1]);
}

describe('a stream of changes', () => {
  it('does not outlive its token', async () => {
    const soon = Math.ceil(Date.now() / 1_000) + 2;
    const token = await stack.issuer.token('Service', 'robot', { exp: soon });
    const stream = await watching(token);
    const refusal = readRefusal(await endOf(stream));
    expect(refusal).toMatchObject({ code: Code.UNAUTHENTICATED, reason: 'TOKEN_EXPIRED' });
    expect(Date.now()).toBeGreaterThanOrEqual(soon * 1_000);
  });

  it('ends when its caller is deleted, whoever watches themself too', async () => {
    await apply('brief', ['staff']);
    await caughtUp();
    const stream = await watching(await stack.issuer.token('User', 'brief'), [user('brief')]);
    const ending = endOf(stream);
    const root = await stack.as('root');
    await root.services.directory.deleteEntities({ uids: [user('brief')] });
    expect(readRefusal(await ending)).toMatchObject({ reason: 'CALLER_UNKNOWN' });
  });

  it('ends when the right to watch is gone', async () => {
    await apply('wanda', ['keepers']);
    await caughtUp();
    const before = await metric('curfew_watch_ends_total{why="refused"}');
    const stream = await watching(await stack.issuer.token('User', 'wanda'));
    const ending = endOf(stream);
    await apply('wanda', ['staff']);
    expect(readRefusal(await ending)).toMatchObject({
      code: Code.PERMISSION_DENIED,
      reason: 'NOT_PERMITTED',
    });
    expect(await metric('curfew_watch_ends_total{why="refused"}')).toBe(before + 1);
  });

  it('is counted while it is open, with what it is told', async () => {
    await expect.poll(() => metric('curfew_watch_streams'), patiently).toBe(0);
    const edge = createCurfew({
      decisionAddress: `127.0.0.1:${stack.decision.port}`,
      token: await stack.issuer.token('Service', 'robot'),
      authorizeTimeoutMs: 10_000,
      edgeCache: true,
    });
    const question = {
      principal: user('ada'),
      action: 'ping',
      resource: { type: 'Database', id: 'scratch' },
    };
    await edge.authorize(question);
    await expect.poll(() => edge.edgeStatus?.isLive, patiently).toBe(true);
    expect(await metric('curfew_watch_streams')).toBe(1);
    const told = await metric('curfew_watch_changes_total{what="named"}');
    await apply('eve', ['staff', 'keepers']);
    await expect.poll(() => metric('curfew_watch_changes_total{what="named"}'), patiently).toBe(told + 1);
    const left = await metric('curfew_watch_ends_total{why="left"}');
    edge.close();
    await expect.poll(() => metric('curfew_watch_streams'), patiently).toBe(0);
    expect(await metric('curfew_watch_ends_total{why="left"}')).toBe(left + 1);
  });
});
