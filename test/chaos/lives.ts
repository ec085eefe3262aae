import { setTimeout as pause } from 'node:timers/promises';
import type { AccessRequest } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { Verdict } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { PEOPLE } from './cluster.ts';
import { ask, type AskedAbout } from './questions.ts';
import type { Random } from './random.ts';
import { readGrant } from './read-grant.ts';
import { recorded } from './record.ts';
import type { Stage } from './stage.ts';
import { submit } from './submit.ts';
import { watchItEnd } from './watch-it-end.ts';

/** Lives on requests, one after the other, until the run ends. */
export async function live(stage: Stage): Promise<void> {
  while (!stage.signal.aborted) await liveOnce(stage);
}

async function liveOnce(stage: Stage): Promise<void> {
  const { random } = stage;
  const action = random.pick(['read', 'read', 'write', 'drop', 'drop']);
  const isAutomatic = action === 'read' && random.next() < 0.5;
  const resource = isAutomatic ? `test${random.between(0, 2)}` : `prod${random.between(0, 6)}`;
  const about = { principal: random.pick(PEOPLE.requesters), action, resource };
  const durationMs = random.pick([1_000, 2_000, 3_000, 5_000, 60_000]);
  const request = await submit(stage, { ...about, durationMs });
  if (request === undefined) return;
  const granted = request.items[0]?.grantId ?? '';
  const grantId = granted !== '' ? granted : await decideRequest(stage, request, about);
  if (grantId !== undefined) await useAndEnd(stage, about, { requestId: request.id, grantId });
}

/** Votes, withdrawals and changes of who may vote, all at once. @returns the grant, if it came to one */
async function decideRequest(
  stage: Stage,
  request: AccessRequest,
  about: AskedAbout,
): Promise<string | undefined> {
  const { random } = stage;
  const reviewers = reviewersOf(about, random);
  const votes = reviewers.map((by) => () => review(stage, request, by, Verdict.APPROVE));
  const others: (() => Promise<unknown>)[] = [];
  const twist = random.next();
  if (twist < 0.2) others.push(() => withdraw(stage, request, about.principal));
  else if (twist < 0.3) others.push(() => review(stage, request, reviewers[0] ?? '', Verdict.DENY));
  else if (twist < 0.4) others.push(() => review(stage, request, about.principal, Verdict.APPROVE));
  else if (twist < 0.6) others.push(() => moveMember(stage, reviewers));
  else if (twist < 0.65) return undefined; // nobody answers
  const results = await Promise.all([...votes, ...others].map((act) => act()));
  return results.find((result): result is string => typeof result === 'string' && result !== '');
}

function reviewersOf({ action, resource }: AskedAbout, random: Random): readonly string[] {
  const owner = `owner${(Number(resource.slice(-1)) + random.between(0, 2)) % PEOPLE.owners.length}`;
  if (action === 'read') return [owner];
  const one = random.pick(PEOPLE.security);
  if (action === 'write') return [owner, one];
  return [one, random.pick(PEOPLE.security.filter((name) => name !== one))];
}

/** The others stay, so that every step can be filled. */
const MOVING = ['security2', 'security3'] as const;

async function review(
  stage: Stage,
  { id, requestHash }: AccessRequest,
  by: string,
  verdict: Verdict,
): Promise<string | undefined> {
  return await recorded(stage.history, { what: 'review', by, id }, async () => {
    const { request, revision } = await stage.cluster
      .as(by, stage.random.between(0, 2))
      .grants.reviewAccessRequest({ id, requestHash, verdict });
    return { revision, value: request?.items[0]?.grantId };
  });
}

async function withdraw(stage: Stage, { id }: AccessRequest, by: string): Promise<void> {
  await recorded(stage.history, { what: 'withdraw', by, id }, async () => {
    const { revision } = await stage.cluster
      .as(by, stage.random.between(0, 2))
      .grants.withdrawAccessRequest({ id });
    return { revision, value: undefined };
  });
}

/** Takes one of the security people out of the group, or back in: of those who vote at this moment if there is one. */
async function moveMember(stage: Stage, reviewers: readonly string[]): Promise<void> {
  const id = MOVING.find((name) => reviewers.includes(name)) ?? stage.random.pick(MOVING);
  const parents = stage.random.next() < 0.5 ? [] : [{ type: 'Group', id: 'security' }];
  await recorded(stage.history, { what: 'apply', by: PEOPLE.admin, id }, async () => {
    const { revision, changed } = await stage.cluster
      .as(PEOPLE.admin, stage.random.between(0, 2))
      .directory.applyEntities({ entities: [{ uid: { type: 'User', id }, parents }] });
    return { revision: changed === 0 ? 0n : revision, value: undefined };
  });
}

/** Asks by the grant, at its revision and then freely, ends it or lets it end, and asks again. */
async function useAndEnd(
  stage: Stage,
  about: AskedAbout,
  { requestId, grantId }: { readonly requestId: string; readonly grantId: string },
): Promise<void> {
  const { random, signal } = stage;
  await askBoth(stage, { ...about, atLeastRevision: revisionOf(stage, requestId) });
  await askBoth(stage, { ...about, isPoisoned: true });
  const grant = await readGrant(stage, about.principal, grantId);
  if (grant === undefined) return;
  await pause(random.between(0, 300));
  const how = random.next();
  if (how < 0.8) {
    const release = { grantId, by: about.principal, what: 'release' } as const;
    const revoke = { grantId, by: PEOPLE.admin, what: 'revoke' } as const;
    const endings = how < 0.35 ? [release] : how < 0.7 ? [revoke] : [release, revoke];
    await Promise.all(endings.map((ending) => end(stage, ending)));
  }
  await askBoth(stage, { ...about, atLeastRevision: revisionOf(stage, grantId) });
  if (how >= 0.8 && !signal.aborted) await watchItEnd(stage, about, grant);
}

async function askBoth({ cluster, history }: Stage, about: AskedAbout): Promise<void> {
  await Promise.all(cluster.decisions.map((replica) => ask(history, replica, about)));
}

/** The latest revision that was acknowledged of it; 0 when none was. */
function revisionOf({ history }: Stage, id: string): bigint {
  return history.changes
    .filter((change) => change.id === id)
    .reduce(
      (last, { outcome }) => (outcome.kind === 'ok' && outcome.revision > last ? outcome.revision : last),
      0n,
    );
}

interface Ending {
  readonly grantId: string;
  readonly by: string;
  readonly what: 'release' | 'revoke';
}

async function end(stage: Stage, { grantId: id, by, what }: Ending): Promise<void> {
  const { grants } = stage.cluster.as(by, stage.random.between(0, 2));
  await recorded(stage.history, { what, by, id }, async () => {
    const { revision } =
      what === 'release'
        ? await grants.releaseGrant({ id })
        : await grants.revokeGrants({ ids: [id], reason: 'chaos' });
    return { revision, value: undefined };
  });
}
