import { z } from 'zod';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { oidcSettings } from '../../core/runtime/oidc-settings.ts';
import { databaseSettings, grantListenSettings, tlsSettings } from '../../core/runtime/settings.ts';

const policySettings = z
  .object({ CURFEW_POLICIES: z.string({ error: 'the folder of policies' }).optional() })
  .transform((env) => ({ folder: env.CURFEW_POLICIES }));

/** The grant service's configuration. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig(
    {
      database: databaseSettings,
      listen: grantListenSettings,
      oidc: oidcSettings,
      tls: tlsSettings,
      policies: policySettings,
    },
    env,
  );
}
