import { z } from 'zod';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { databaseUrlWanted, withDatabaseTls } from '../../core/runtime/database-url.ts';
import {
  databaseTlsOf,
  databaseTlsVariables,
  decisionListenSettings,
  grantListenSettings,
} from '../../core/runtime/settings.ts';
import { ownerUrlProblem } from './database.ts';

const ownSettings = z
  .object({
    CURFEW_HOME: z.string().default('.curfew'),
    CURFEW_POLICIES: z.string().default('policies'),
    CURFEW_DATABASE_URL: z.string({ error: databaseUrlWanted }).optional(),
    ...databaseTlsVariables,
  })
  .transform((env, context) => {
    const { CURFEW_HOME: home, CURFEW_POLICIES: policies, CURFEW_DATABASE_URL: text } = env;
    const tls = databaseTlsOf(env);
    if (text === undefined) return { home, policies, databaseUrl: undefined };
    const message = ownerUrlProblem(text, tls);
    if (message === undefined) return { home, policies, databaseUrl: withDatabaseTls(text, tls) };
    context.addIssue({ code: 'custom', path: ['CURFEW_DATABASE_URL'], message });
    return z.NEVER;
  });

/** What `npm start` takes from the environment. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig({ own: ownSettings, decision: decisionListenSettings, grant: grantListenSettings }, env);
}

export type StandaloneConfig = ReturnType<typeof readConfig>;
