import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import { type Route, route } from '../../core/rpc/route.ts';
import { type Activation, listActivations, readPolicySet } from '../../core/store/policy-sets.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { nextPageToken, readPage } from './page-token.ts';
import { presentValidation } from './present-validation.ts';
import { requireSystemRight } from './rights.ts';
import { validatePolicies } from './validate-policies.ts';

/** The policy API, for those who audit or administer. */
export function policyRoutes(context: GrantContext): Route {
  const requireReader = async (caller: EntityUid): Promise<void> => {
    await catchUp(context);
    requireSystemRight(context.followed.replica, caller, ['audit', 'administer'], clockOfReads(context));
  };
  const alone = oneAtATime('examines policies', 'examinations');
  return route(PolicyService, {
    async getPolicySet({ digest }, { caller }) {
      await requireReader(caller.uid);
      const activation = await findActivation(context, digest);
      const files =
        activation === undefined ? undefined : await readPolicySet(context.database, activation.digest);
      if (activation === undefined || files === undefined) {
        throw new AccessError('POLICY_SET_NOT_FOUND', `digest: no policy set ${digest} was ever in force`);
      }
      return { policySet: { ...presentActivation(activation), files: Object.fromEntries(files) } };
    },
    async listPolicySets(message, { caller }) {
      await requireReader(caller.uid);
      const { before, size } = readPage(message);
      const rows = await listActivations(context.database, { before, size: size + 1 });
      const page = rows.slice(0, size);
      const last = rows.length > size ? page.at(-1)?.revision : undefined;
      return { policySets: page.map(presentActivation), nextPageToken: nextPageToken(last) };
    },
    async validatePolicies({ files }, { caller, signal }) {
      await requireReader(caller.uid);
      return await alone(async () =>
        presentValidation(await validatePolicies(context, new Map(Object.entries(files)), signal)),
      );
    },
  });
}

const PAGE = 200;

/** The newest activation of the set; of the one in force when no digest is given. */
async function findActivation(context: GrantContext, digest: string): Promise<Activation | undefined> {
  let before: bigint | undefined;
  for (;;) {
    const rows = await listActivations(context.database, { before, size: PAGE });
    const found = rows.find((row) => digest === '' || row.digest === digest);
    if (found !== undefined || rows.length < PAGE) return found;
    before = rows.at(-1)?.revision;
  }
}

function presentActivation({ digest, revision, at, actor }: Activation) {
  return { digest, revision, activatedAt: timestampFromDate(at), activatedBy: actor };
}
