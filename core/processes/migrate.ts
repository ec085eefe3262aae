import { z } from 'zod';
import { ownerDatabaseSettings } from '../runtime/settings.ts';

const wanted = 'a password of at least 16 characters';
const passwordOf = (role: string) =>
  z
    .string({ error: wanted })
    .min(16, wanted)
    .meta({ description: `the password of the role ${role}, which it makes` });

const rolePasswords = z
  .object({
    CURFEW_GRANT_ROLE_PASSWORD: passwordOf('curfew_grant'),
    CURFEW_DECISION_ROLE_PASSWORD: passwordOf('curfew_decision'),
    CURFEW_NOTIFY_ROLE_PASSWORD: passwordOf('curfew_notify'),
  })
  .transform((env) => ({
    grant: env.CURFEW_GRANT_ROLE_PASSWORD,
    decision: env.CURFEW_DECISION_ROLE_PASSWORD,
    notify: env.CURFEW_NOTIFY_ROLE_PASSWORD,
  }));

/** What migrate reads from its environment. */
export const migrateSettings = { owner: ownerDatabaseSettings, passwords: rolePasswords };
