import { z } from 'zod';
import { databaseUrlWanted, ownerUrlProblem } from '../runtime/database-url.ts';
import {
  decisionListenSettings,
  folderSetting,
  grantListenSettings,
  textSetting,
} from '../runtime/settings.ts';

const ownSettings = z
  .object({
    CURFEW_HOME: z
      .string()
      .default('.curfew')
      .meta({ description: 'the folder that it keeps everything in' }),
    CURFEW_POLICIES: folderSetting('the policies')
      .default('policies')
      .meta({ description: 'the folder of policies' }),
    CURFEW_DATABASE_URL: textSetting(databaseUrlWanted, ownerUrlProblem).optional().meta({
      description: 'signs in with the rights to create roles and tables; without it it brings a PostgreSQL',
    }),
  })
  .transform((env) => ({
    home: env.CURFEW_HOME,
    policies: env.CURFEW_POLICIES,
    databaseUrl: env.CURFEW_DATABASE_URL,
  }));

/** What `npm start` reads from its environment. */
export const standaloneSettings = {
  own: ownSettings,
  decision: decisionListenSettings,
  grant: grantListenSettings,
};
