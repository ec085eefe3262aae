import { z } from 'zod';
import { parseDuration } from '../../core/access/duration.ts';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';
import { oidcSettings } from '../../core/runtime/oidc-settings.ts';
import { databaseSettings, decisionListenSettings, tlsSettings } from '../../core/runtime/settings.ts';

const MAX_STALE_STANDING_MS = 86_400_000;
const wanted = 'whole seconds or a Cedar duration, from 0 (never) to 24h, such as 60s';

const decisionSettings = z
  .object({
    CURFEW_STALE_STANDING: z
      .string()
      .default('60s')
      .transform((text, context) => {
        const ms = parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
        if (ms !== undefined && ms >= 0 && ms <= MAX_STALE_STANDING_MS) return ms;
        context.addIssue({ code: 'custom', message: wanted });
        return z.NEVER;
      }),
  })
  .transform((env) => ({ staleStandingMs: env.CURFEW_STALE_STANDING }));

/** The decision service's configuration. @throws ConfigError listing every variable that is missing, wrong or unknown */
export function readConfig(env: Environment) {
  return loadConfig(
    {
      database: databaseSettings,
      listen: decisionListenSettings,
      tls: tlsSettings,
      oidc: oidcSettings,
      decision: decisionSettings,
    },
    env,
  );
}
