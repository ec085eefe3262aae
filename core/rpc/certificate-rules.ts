import type { DescService } from '@bufbuild/protobuf';
import { DecisionService } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { LockService } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { GrantService } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import type { CertificateRule } from '../runtime/certificate-rule.ts';
import { showSeen } from '../runtime/seen.ts';

/** Every service that a rule may name, of this process or another: one setting may serve all. */
export const knownServices: readonly DescService[] = [
  DecisionService,
  GrantService,
  DirectoryService,
  LockService,
  LedgerService,
  PolicyService,
];

/** Whether the certificate of that name may call the method at that path. */
export type MayCall = (name: string, path: string) => boolean;

/**
 * What certificates may call by these rules; without rules, everything. It is permitted nothing by that: Cedar decides afterwards.
 *
 * @throws Error naming a service or method that does not exist
 */
export function allowByCertificate(rules: readonly CertificateRule[] | undefined): MayCall {
  if (rules === undefined) {
    return () => true;
  }
  const allowed = rules.map(({ name, calls }) => ({
    fits: fitting(name),
    paths: new Set(calls.flatMap(pathsOf)),
  }));
  return (name, path) => allowed.some(({ fits, paths }) => fits(name) && paths.has(path));
}

function fitting(pattern: string): (name: string) => boolean {
  if (!pattern.endsWith('*')) {
    return (name) => name === pattern;
  }
  const start = pattern.slice(0, -1);
  return (name) => name.startsWith(start);
}

/** `GrantService` is every method of it, `GrantService/RequestAccess` one, `*` all of all. */
function pathsOf(call: string): readonly string[] {
  const [serviceName = '', methodName] = call.split('/', 2);
  const services = call === '*' ? knownServices : knownServices.filter(({ name }) => name === serviceName);
  const paths = services
    .flatMap(({ typeName, methods }) => methods.map(({ name }) => ({ name, path: `/${typeName}/${name}` })))
    .filter(({ name }) => methodName === undefined || name === methodName)
    .map(({ path }) => path);
  if (paths.length === 0) {
    const names = knownServices.map(({ name }) => name).join(', ');
    const wanted = `*, one of ${names}, or one of their methods such as DecisionService/Authorize`;
    throw new Error(`CURFEW_TLS_ALLOW: seen ${showSeen(call)}, wanted ${wanted}`);
  }
  return paths;
}
