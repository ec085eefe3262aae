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

const jobSettings = z
  .object({
    CURFEW_JOBS: z.enum(['on', 'off'], { error: 'on or off' }).default('on').meta({
      description:
        'off leaves the jobs, which write into history what time has done, to other replicas; access needs none of them',
    }),
  })
  .transform((env) => ({ isOn: env.CURFEW_JOBS === 'on' }));

/** What the grant service reads from its environment. */
export const grantSettings = {
  database: databaseSettings,
  policies: policySettings,
  jobs: jobSettings,
  listen: grantListenSettings,
  tls: tlsSettings,
  oidc: oidcSettings,
};
