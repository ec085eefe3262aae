import { z } from 'zod';
import { databaseSettings } from '../runtime/database-settings.ts';
import { oidcSettings } from '../runtime/oidc-settings.ts';
import { folderSetting, grantListenSettings, tlsSettings } from '../runtime/settings.ts';

const policySettings = z
  .object({
    CURFEW_POLICIES: folderSetting('the policies').optional().meta({
      description:
        'the folder of policies that it puts in force and watches; without it the set in force stays',
    }),
  })
  .transform((env) => ({ folder: env.CURFEW_POLICIES }));

/** What the grant service reads from its environment. */
export const grantSettings = {
  database: databaseSettings,
  policies: policySettings,
  listen: grantListenSettings,
  tls: tlsSettings,
  oidc: oidcSettings,
};
