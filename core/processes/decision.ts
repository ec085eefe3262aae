import { z } from 'zod';
import { parseDuration } from '../access/duration.ts';
import { databaseSettings } from '../runtime/database-settings.ts';
import { oidcSettings } from '../runtime/oidc-settings.ts';
import { decisionListenSettings, tlsSettings } from '../runtime/settings.ts';

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

/** What the decision service reads from its environment. */
export const decisionSettings = {
  database: databaseSettings,
  decision: staleSettings,
  listen: decisionListenSettings,
  tls: tlsSettings,
  oidc: oidcSettings,
};
