import { z } from 'zod';
import { parseDuration } from '../access/duration.ts';
import { databaseSettings } from '../runtime/database-settings.ts';
import { oidcSettings } from '../runtime/oidc-settings.ts';
import { isLoopback } from '../runtime/address.ts';
import { decisionListenSettings, reporter, tlsSettings } from '../runtime/settings.ts';

const MAX_STALE_STANDING_MS = 86_400_000;
const wanted = 'whole seconds or a Cedar duration, from 0 (never) to 24h, such as 60s';

const staleSettings = z
  .object({
    CURFEW_STALE_STANDING: z
      .string()
      .default('60s')
      .transform((text, context) => {
        const ms = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
        if (ms !== undefined && ms >= 0 && ms <= MAX_STALE_STANDING_MS) return ms;
        context.addIssue({ code: 'custom', message: wanted });
        return z.NEVER;
      })
      .meta({ description: 'how long standing permits go on without news of the ledger; 0 is not at all' }),
  })
  .transform((env) => ({ staleStandingMs: env.CURFEW_STALE_STANDING }));

const MOST_IN_FLIGHT = 100_000;
const inFlightWanted = `how many questions are answered at once, from 1 to ${MOST_IN_FLIGHT}`;

const loadSettings = z
  .object({
    CURFEW_MAX_IN_FLIGHT: z.coerce
      .number({ error: inFlightWanted })
      .int(inFlightWanted)
      .min(1, inFlightWanted)
      .max(MOST_IN_FLIGHT, inFlightWanted)
      .default(2_000)
      .meta({
        description: 'how many questions it answers at once; more calls are refused and told to wait',
      }),
  })
  .transform((env) => ({ maxInFlight: env.CURFEW_MAX_IN_FLIGHT }));

const MOST_WORKERS = 64;
const workersWanted = `how many processes answer on one port, from 1 to ${MOST_WORKERS}`;

const workerSettings = z
  .object({
    CURFEW_DECISION_WORKERS: z.coerce
      .number({ error: workersWanted })
      .int(workersWanted)
      .min(1, workersWanted)
      .max(MOST_WORKERS, workersWanted)
      .default(1)
      .meta({
        description:
          'how many processes answer on the one port, at most one for each core; each holds all grants and two database connections of its own',
      }),
  })
  .transform((env) => ({ count: env.CURFEW_DECISION_WORKERS }));

const grantServiceSettings = z
  .object({
    CURFEW_GRANT_ADDRESS: z.string().default('127.0.0.1:2201').meta({
      description:
        'the grant service, which acknowledges uses of grants that are counted or begin with a use',
    }),
    CURFEW_CA: z.string().optional().meta({
      description: "the PEM authority of the grant service's certificate; wanted unless that is on loopback",
    }),
  })
  .transform((env, context) => {
    const { CURFEW_GRANT_ADDRESS: address, CURFEW_CA: caPath } = env;
    const report = reporter(context);
    const [, host = '', port] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
    if (port === undefined || Number(port) > 65_535)
      report('CURFEW_GRANT_ADDRESS', 'a host and a port, such as 127.0.0.1:2201', address);
    else if (caPath === undefined && !isLoopback(host))
      report('CURFEW_CA', 'the authority of the grant service, because it is on another machine');
    return { address, caPath };
  });

/** What the decision service reads from its environment. */
export const decisionSettings = {
  database: databaseSettings,
  decision: staleSettings,
  load: loadSettings,
  workers: workerSettings,
  grantService: grantServiceSettings,
  listen: decisionListenSettings,
  tls: tlsSettings,
  oidc: oidcSettings,
};
