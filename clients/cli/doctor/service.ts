import { CurfewError } from '../../sdk/index.ts';
import type { Endpoint } from '../../sdk/endpoint.ts';
import { checkHealth } from '../../sdk/health.ts';
import { about, type Check } from './check.ts';
import { checkClock } from './clock.ts';
import { lookAtPort } from './port.ts';

/** A service and where it should answer. */
export interface ServicePlace {
  readonly name: 'decision' | 'grant';
  readonly endpoint: Endpoint;
  /** The names that its health is asked for. */
  readonly healthNames: readonly string[];
}

const timeoutMs = 10_000;

/** Whether a service answers, is healthy and has the time of this machine. */
export async function checkService(place: ServicePlace, now: () => Date): Promise<readonly Check[]> {
  const before = now();
  const say = about(`${place.name} service`);
  try {
    const { date } = await checkHealth(place.endpoint, '', timeoutMs);
    const after = now();
    return [
      say('ok', `answers at ${place.endpoint.address}`),
      ...(await Promise.all(place.healthNames.map((name) => checkServing(place, name)))),
      ...(date === undefined
        ? []
        : [
            checkClock(`${place.name} clock`, `the clock of the ${place.name} service`, {
              before,
              at: date,
              after,
              coarseMs: 1_000,
            }),
          ]),
    ];
  } catch (error) {
    return [await explain(place, CurfewError.from(error))];
  }
}

async function checkServing({ name, endpoint }: ServicePlace, service: string): Promise<Check> {
  const say = about(`${name} health`);
  try {
    const { status } = await checkHealth(endpoint, service, timeoutMs);
    if (status === 'SERVING') return say('ok', `${service} is SERVING`);
    const next =
      name === 'decision'
        ? 'curfew status says how old its last look at the ledger is; its log says what it waits for, often the database'
        : 'its log says what it waits for: the database, or policies that it can load';
    return say('failure', `${service} is ${status}`, next);
  } catch (error) {
    return say(
      'failure',
      `${service}: ${CurfewError.from(error).message}`,
      'see that a Curfew of this version answers there',
    );
  }
}

/** Nobody answers as a Curfew would: what is there instead. */
async function explain({ name, endpoint }: ServicePlace, error: CurfewError): Promise<Check> {
  const say = about(`${name} service`);
  const variable = `CURFEW_${name.toUpperCase()}_ADDRESS`;
  const elsewhere = `or set CURFEW_ADDRESS or ${variable} to where it runs`;
  const port = await lookAtPort(endpoint.address);
  switch (port.state) {
    case 'free':
      return say(
        'failure',
        `nothing listens at ${endpoint.address}; the port is free`,
        `start it: npm start, or node services/${name}/main.ts; ${elsewhere}`,
      );
    case 'unreachable':
      return say(
        'failure',
        `${endpoint.address} cannot be reached: ${port.why}`,
        `see to the network, ${elsewhere}`,
      );
    case 'taken':
      return say(
        'failure',
        `what listens at ${endpoint.address} does not answer as a Curfew (${error.message}); asked in HTTP it says ${port.says}`,
        `if it is a Curfew, look at its log, and set CURFEW_TLS and CURFEW_CA as it has TLS; else stop it, ${elsewhere}`,
      );
  }
}
