import { z } from 'zod';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { databaseUrlWanted } from '../../core/runtime/database-url.ts';
import { decisionListenSettings, grantListenSettings, textSetting } from '../../core/runtime/settings.ts';
import { ownerUrlProblem } from './database.ts';

const ownSettings = z
  .object({
    CURFEW_HOME: z.string().default('.curfew'),
    CURFEW_POLICIES: z.string().default('policies'),
    CURFEW_DATABASE_URL: textSetting(databaseUrlWanted, ownerUrlProblem).optional(),
  })
  .transform((env) => ({
    home: env.CURFEW_HOME,
    policies: env.CURFEW_POLICIES,
    databaseUrl: env.CURFEW_DATABASE_URL,
  }));

/** What `npm start` takes from the environment. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig({ own: ownSettings, decision: decisionListenSettings, grant: grantListenSettings }, env);
}

export type StandaloneConfig = ReturnType<typeof readConfig>;
