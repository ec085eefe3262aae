import { grantsOfAll } from './granted.ts';
import type { BulkGrant } from './bulk-grants.ts';
import type { Company } from './company.ts';
import { curfewQuestions } from './curfew-questions.ts';
import { type CurfewServices, startCurfew } from './curfew.ts';
import type { Side } from './sides.ts';

/** Services of Curfew as one of the sides. */
export interface CurfewSide extends Side, AsyncDisposable {
  readonly services: CurfewServices;
}

/** @param others grants that no question is about */
export async function startCurfewSide(
  name: string,
  company: Company,
  others: readonly BulkGrant[] = [],
): Promise<CurfewSide> {
  const services = await startCurfew({ company, grants: [...grantsOfAll(company), ...others] });
  return {
    name,
    services,
    address: services.address,
    questions: curfewQuestions(company, services.token),
    pid: services.decisionPid,
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  };
}
