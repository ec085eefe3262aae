import { z } from 'zod';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { ownerDatabaseSettings } from '../../core/runtime/settings.ts';

const wanted = 'a password of at least 16 characters';
const password = z.string({ error: wanted }).min(16, wanted);

/** The passwords that the services' roles get. Each may come as a file instead, named by the variable with `_FILE`. */
const rolePasswords = z
  .object({
    CURFEW_GRANT_ROLE_PASSWORD: password,
    CURFEW_DECISION_ROLE_PASSWORD: password,
    CURFEW_NOTIFY_ROLE_PASSWORD: password,
  })
  .transform((env) => ({
    grant: env.CURFEW_GRANT_ROLE_PASSWORD,
    decision: env.CURFEW_DECISION_ROLE_PASSWORD,
    notify: env.CURFEW_NOTIFY_ROLE_PASSWORD,
  }));

/** The configuration of migrate. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig({ owner: ownerDatabaseSettings, passwords: rolePasswords }, env);
}
