import { z } from 'zod';
import { ownerDatabaseSettings } from '../runtime/database-settings.ts';

const wanted = 'a password of at least 16 characters';
const passwordOf = (role: string) =>
  z
    .string({ error: wanted })
    .min(16, wanted)
    .meta({ description: `the password of the role ${role}, which it makes` });

const MOST_CONNECTIONS = 10_000;
const connectionsWanted = `how many sessions the role may have at once, from 1 to ${MOST_CONNECTIONS}`;
const connectionsOf = (role: string, usual: number) =>
  z.coerce
    .number({ error: connectionsWanted })
    .int(connectionsWanted)
    .min(1, connectionsWanted)
    .max(MOST_CONNECTIONS, connectionsWanted)
    .default(usual)
    .meta({ description: `how many sessions the role ${role} may have at once, all replicas together` });

/**
 * What the services' roles get. The sessions together fit into a PostgreSQL of 100 and leave the owner some: a service that runs wild
 * leaves the others theirs.
 */
const roleSettings = z
  .object({
    CURFEW_GRANT_ROLE_PASSWORD: passwordOf('curfew_grant'),
    CURFEW_DECISION_ROLE_PASSWORD: passwordOf('curfew_decision'),
    CURFEW_NOTIFY_ROLE_PASSWORD: passwordOf('curfew_notify'),
    CURFEW_GRANT_ROLE_CONNECTIONS: connectionsOf('curfew_grant', 60),
    CURFEW_DECISION_ROLE_CONNECTIONS: connectionsOf('curfew_decision', 25),
    CURFEW_NOTIFY_ROLE_CONNECTIONS: connectionsOf('curfew_notify', 10),
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
      .default('0')
      .meta({
        description:
          '1 for one run after a restore from a backup and before the services start: the database becomes a history of its own, and the grants that were live in the backup are ended, because some may have been revoked since',
      }),
  })
  .transform((env) => ({ isNew: env.CURFEW_NEW_EPOCH === '1' }));

/** What migrate reads from its environment. */
export const migrateSettings = { owner: ownerDatabaseSettings, roles: roleSettings, epoch: epochSettings };
