import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startDecisionService } from '../../../services/decision/service.ts';
import { createLogger } from '../../../core/runtime/log.ts';
import { connect, refusalOf } from '../../core/rpc/test-client.ts';
import { createDatabase, createEmptyDatabase } from '../../support/postgres.ts';
import { environmentOf, patient, readiness, runMain } from './main-process.ts';
import { person } from './people.ts';
import { policyFiles } from './policy-files.ts';
import { createScene, type Scene, wireQuestion } from './scene.ts';

let scene: Scene;

beforeAll(async () => {
  scene = await createScene();
});
afterAll(async () => {
  await scene[Symbol.asyncDispose]();
});

function environment(changes: Readonly<Record<string, string>> = {}) {
  return environmentOf(scene, changes);
}

describe('the process', () => {
  it('serves what its environment says, and ends with 0 on SIGTERM', async () => {
    const { child, exited, listening } = runMain(environment());
    const { port, httpPort } = await listening;
    await readiness(httpPort, 200);
    const client = connect(port ?? 0);
    onTestFinished(() => client.close());
    const question = wireQuestion({ principal: person('kim') });
    const options = await scene.options(person('kim'));
    const answer = await client.unary(DecisionService.method.authorize, question, options);
    expect(answer.effect).toBe(Effect.ALLOW);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('that is told to stop is not ready any more, and still answers until its wait is over', async () => {
    const { child, listening } = runMain(environment({ CURFEW_DRAIN: '20s' }));
    const { port, httpPort } = await listening;
    await readiness(httpPort, 200);
    const client = connect(port ?? 0);
    onTestFinished(() => client.close());
    child.kill('SIGTERM');
    await readiness(httpPort, 503);
    expect((await fetch(`http://127.0.0.1:${httpPort}/healthz`)).status).toBe(200);
    const question = wireQuestion({ principal: person('kim') });
    const answer = await client.unary(
      DecisionService.method.authorize,
      question,
      await scene.options(person('kim')),
    );
    expect(answer.effect).toBe(Effect.ALLOW);
  });

  it.each([
    ['an environment without a database', { CURFEW_DATABASE_URL: '' }, /CURFEW_DATABASE_URL: missing/],
    [
      'a standing time that is none',
      { CURFEW_STALE_STANDING: 'never' },
      /CURFEW_STALE_STANDING: seen "never"/,
    ],
    ['a variable that is misspelt', { CURFEW_DECISION_LISTN: 'x' }, /did you mean CURFEW_DECISION_LISTEN/],
    ['an address beyond this machine without TLS', { CURFEW_DECISION_LISTEN: '0.0.0.0:0' }, /without TLS/],
  ])('ends with 1 and one clear line on %s', async (_title, changes, message) => {
    const { exited, lines } = runMain(environment(changes));
    expect(await exited).toEqual([1, null]);
    expect(lines.filter(({ msg }) => message.test(msg))).toHaveLength(1);
  });
});

describe('a start', () => {
  const options = (databaseUrl: string) => ({
    databaseUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [scene.issuer.issuer],
    staleStandingMs: 60_000,
    logger: createLogger('test', 'silent'),
  });

  it('on a database without the schema is refused', async () => {
    await using database = await createEmptyDatabase();
    await expect(startDecisionService(options(database.decisionUrl))).rejects.toThrow(/run migrate first/);
  });

  it('on a taken port leaves nothing open', async () => {
    const taken = `127.0.0.1:${scene.service.port}`;
    const start = startDecisionService({ ...options(scene.database.decisionUrl), address: taken });
    await expect(start).rejects.toThrow(/cannot listen/);
  });

  it('before any policies are in force serves nothing and says so', async () => {
    await using database = await createDatabase();
    const service = await startDecisionService(options(database.decisionUrl));
    onTestFinished(() => service.close());
    await expect.poll(() => service.followed.clock.ageMs(), patient).toBeLessThan(2_000);
    expect((await fetch(`http://127.0.0.1:${service.httpPort}/readyz`)).status).toBe(503);
    const client = connect(service.port);
    onTestFinished(() => client.close());
    const call = client.unary(DecisionService.method.getStatus, {}, await scene.options(person('kim')));
    expect(await refusalOf(call)).toMatchObject({ reason: 'POLICIES_MISSING' });
  });
});

describe('policies', () => {
  it('are in force from their revision on', async () => {
    const kim = { principal: person('kim') };
    const { follower } = scene.service.followed;
    const closed = await scene.activate(
      await policyFiles({ 'guardrails/closed.cedar': '@id("closed") forbid (principal, action, resource);' }),
    );
    await follower.waitFor(closed, 20_000); // loading policies may take longer than a call waits
    const denied = await scene.authorize({ ...kim, atLeastRevision: closed });
    expect(denied).toMatchObject({ effect: Effect.DENY, policyIds: ['closed'] });
    const opened = await scene.activate(await policyFiles());
    await follower.waitFor(opened, 20_000);
    const allowed = await scene.authorize({ ...kim, atLeastRevision: opened });
    expect(allowed.effect).toBe(Effect.ALLOW);
    expect(allowed.policyDigest).not.toBe(denied.policyDigest);
  });

  it('that cannot be loaded permit nothing, until others are in force', async () => {
    const kim = { principal: person('kim') };
    const broken = new Map([...(await policyFiles()), ['access/broken.cedar', 'permit (principal']]);
    const revision = await scene.activate(broken);
    await scene.service.followed.follower.waitFor(revision, 20_000);
    expect(await refusalOf(scene.authorize(kim))).toMatchObject({ reason: 'EVALUATION_FAILED' });
    await readiness(scene.service.httpPort, 503);
    const good = await scene.activate(await policyFiles());
    await scene.service.followed.follower.waitFor(good, 20_000);
    expect((await scene.authorize(kim)).effect).toBe(Effect.ALLOW);
  });
});
