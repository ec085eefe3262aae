import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { connect, type GlobalOptions, serviceEndpoints } from '../connect.ts';
import type { Terminal } from '../terminal.ts';
import { askAsCaller, type CallerFindings } from './caller.ts';
import { about, type Check, messageOf } from './check.ts';
import { checkDatabase } from './database.ts';
import { checkNodeVersion } from './node-version.ts';
import { checkPolicies } from './policies.ts';
import { checkService, type ServicePlace } from './service.ts';
import { checkToken } from './token.ts';

/** Looks at everything that Curfew needs; whatever is down or wrong is a finding, and hinders no other. */
export async function examine(options: GlobalOptions, terminal: Terminal): Promise<readonly Check[]> {
  const token = checkToken(options, terminal);
  const hasToken = token.every(({ name, state }) => name !== 'token' || state === 'ok');
  const [database, services, caller] = await Promise.all([
    guarded('database', () => checkDatabase(terminal)),
    guarded('services', () => checkServices(terminal)),
    hasToken ? askWithToken(options, terminal) : { checks: [], policyDigest: undefined },
  ]);
  const policies = await guarded('policies', () => checkPolicies(terminal, caller.policyDigest));
  return [
    checkNodeVersion(process.versions.node),
    ...database,
    ...services,
    ...token,
    ...caller.checks,
    ...policies,
  ];
}

async function checkServices(terminal: Terminal): Promise<readonly Check[]> {
  const { decision, grant } = serviceEndpoints(terminal);
  const healthNames = [DecisionService.typeName, 'curfew.decision.grants'];
  const places: readonly ServicePlace[] = [
    ...decision.map((endpoint) => ({ name: 'decision', endpoint, healthNames }) as const),
    ...grant.map((endpoint) => ({ name: 'grant', endpoint, healthNames: [GrantService.typeName] }) as const),
  ];
  const found = await Promise.all(places.map((place) => checkService(place, terminal.now)));
  return found.flat();
}

async function askWithToken(options: GlobalOptions, terminal: Terminal): Promise<CallerFindings> {
  try {
    const curfew = connect(options, terminal);
    try {
      return await askAsCaller(curfew);
    } finally {
      curfew.close();
    }
  } catch (error) {
    return { checks: [about('caller')('failure', messageOf(error))], policyDigest: undefined };
  }
}

async function guarded(name: string, check: () => Promise<readonly Check[]>): Promise<readonly Check[]> {
  try {
    return await check();
  } catch (error) {
    return [about(name)('failure', messageOf(error))];
  }
}
