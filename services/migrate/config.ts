import { z } from 'zod';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { ownerDatabaseSettings } from '../../core/runtime/settings.ts';

const wanted = 'a password of at least 16 characters';
const password = z.string({ error: wanted }).min(16, wanted);

const MOST_CONNECTIONS = 10_000;
const connectionsWanted = `how many sessions the role may have at once, from 1 to ${MOST_CONNECTIONS}`;

function connections(usual: number) {
  return z.coerce
    .number({ error: connectionsWanted })
    .int(connectionsWanted)
    .min(1, connectionsWanted)
    .max(MOST_CONNECTIONS, connectionsWanted)
    .default(usual);
}

/**
 * What the services' roles get. Each password may come as a file instead, named by the variable with `_FILE`. The sessions together
 * fit into a PostgreSQL of 100 and leave the owner some: a service that runs wild leaves the others theirs.
 */
const roleSettings = z
  .object({
    CURFEW_GRANT_ROLE_PASSWORD: password,
    CURFEW_DECISION_ROLE_PASSWORD: password,
    CURFEW_NOTIFY_ROLE_PASSWORD: password,
    CURFEW_GRANT_ROLE_CONNECTIONS: connections(60),
    CURFEW_DECISION_ROLE_CONNECTIONS: connections(25),
    CURFEW_NOTIFY_ROLE_CONNECTIONS: connections(10),
  })
  .transform((env) => ({
    passwords: {
      grant: env.CURFEW_GRANT_ROLE_PASSWORD,
      decision: env.CURFEW_DECISION_ROLE_PASSWORD,
      notify: env.CURFEW_NOTIFY_ROLE_PASSWORD,
    },
    connections: {
      grant: env.CURFEW_GRANT_ROLE_CONNECTIONS,
      decision: env.CURFEW_DECISION_ROLE_CONNECTIONS,
      notify: env.CURFEW_NOTIFY_ROLE_CONNECTIONS,
    },
  }));

const epochSettings = z
  .object({
    CURFEW_NEW_EPOCH: z
      .enum(['0', '1'], { error: '1 for one run after a restore from a backup, or 0' })
      .default('0'),
  })
  .transform((env) => ({ isNew: env.CURFEW_NEW_EPOCH === '1' }));

/** The configuration of migrate. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig({ owner: ownerDatabaseSettings, roles: roleSettings, epoch: epochSettings }, env);
}
