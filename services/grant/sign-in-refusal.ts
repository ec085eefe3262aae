import { AccessError } from '../../core/access/access-error.ts';
import { formatUid } from '../../core/access/entity.ts';
import type { RequestItem } from '../../core/access/request.ts';
import type { SignIn } from '../../core/access/sign-in.ts';
import { castsAnew } from '../../core/replica/eligible.ts';
import type { Rules } from '../../core/replica/rights.ts';
import type { Vote } from './review-access-request.ts';
import type { Voter } from './rights.ts';

type Voting = Pick<Vote, 'reviewer' | 'signIn'>;

/** Whoever casts a vote now, with what it is judged by. */
export function castBy({ reviewer, signIn }: Voting, now: Date): Voter & Required<Pick<Voter, 'cast'>> {
  return { reviewer, cast: { at: now, signIn } };
}

/** What a vote would have to be let in for, at which instant. */
interface Wanted {
  readonly isEnough: (item: RequestItem, voter: Voter) => boolean;
  readonly now: Date;
}

/** Tells a reviewer who may answer one of the items after another sign-in to sign in again; undefined when that would not help. */
export function signInRefusal(
  rules: Rules,
  items: readonly RequestItem[],
  { reviewer, signIn }: Voting,
  { isEnough, now }: Wanted,
): AccessError | undefined {
  const methods = signIn?.methods ?? [];
  for (const item of items) {
    const { resource } = item;
    const anew = castsAnew(rules.engine.policies, { principal: reviewer, resource, now });
    // What changes least is said first: the same methods, then as few as will do.
    const tries = [{ at: now, signIn: { at: now, methods } }, ...anew.toReversed()];
    const enough = tries.find((cast) => isEnough(item, { reviewer, cast }));
    if (enough === undefined) continue;
    const lacking = enough.signIn?.methods.filter((method) => !methods.includes(method)) ?? [];
    const by = lacking.length === 0 ? '' : ` by ${lacking.join(', ')}`;
    const message = `the policies let ${formatUid(reviewer)} answer this after another sign-in only: ${seen(signIn)}; sign in again${by}, and vote with the new token`;
    return new AccessError('AUTHENTICATION_INSUFFICIENT', message, {
      metadata: { methods: lacking.join(' ') },
    });
  }
  return undefined;
}

function seen(signIn: SignIn | undefined): string {
  if (signIn === undefined)
    return 'seen a token that says neither when (auth_time) nor how (amr) you signed in';
  const at =
    signIn.at === undefined
      ? 'at a time that the token does not say (auth_time)'
      : `at ${signIn.at.toISOString()}`;
  return `seen one ${at}${signIn.methods.length === 0 ? '' : ` by ${signIn.methods.join(', ')}`}`;
}
