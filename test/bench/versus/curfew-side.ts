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

export interface CurfewSideOptions {
  /** Grants that no question is about. */
  readonly others?: readonly BulkGrant[];
  /** So many users beside the company's. */
  readonly strangers?: number;
  /** Decision processes behind the one port; one unless said. */
  readonly workers?: number;
}

export async function startCurfewSide(
  name: string,
  company: Company,
  { others = [], strangers = 0, workers = 1 }: CurfewSideOptions = {},
): Promise<CurfewSide> {
  const services = await startCurfew({
    company,
    grants: [...grantsOfAll(company), ...others],
    strangers,
    env: { CURFEW_DECISION_WORKERS: String(workers) },
  });
  return {
    name,
    services,
    address: services.address,
    questions: curfewQuestions(company, services.token),
    pid: services.decisionPid,
    [Symbol.asyncDispose]: () => services[Symbol.asyncDispose](),
  };
}
