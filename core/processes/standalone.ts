import { z } from 'zod';
import { databaseTlsVariables, readDatabaseUrl } from '../runtime/database-settings.ts';
import { databaseUrlWanted, ownerUrlProblem } from '../runtime/database-url.ts';
import { decisionListenSettings, folderSetting, grantListenSettings, reporter } from '../runtime/settings.ts';

const ownSettings = z
  .object({
    CURFEW_HOME: z
      .string()
      .default('.curfew')
      .meta({ description: 'the folder that it keeps everything in' }),
    CURFEW_POLICIES: folderSetting('the policies')
      .default('policies')
      .meta({ description: 'the folder of policies' }),
  })
  .transform((env) => ({ home: env.CURFEW_HOME, policies: env.CURFEW_POLICIES }));

/** Apart from the rest: what is wrong with a field would hide what is wrong with the URL. */
const givenDatabaseSettings = z
  .object({
    CURFEW_DATABASE_URL: z.string({ error: databaseUrlWanted }).optional().meta({
      description: 'signs in with the rights to create roles and tables; without it it brings a PostgreSQL',
    }),
    ...databaseTlsVariables,
  })
  .transform((env, context) => {
    const { CURFEW_DATABASE_URL: text } = env;
    const reading = { env, report: reporter(context), problemOf: ownerUrlProblem };
    return { url: text === undefined ? undefined : readDatabaseUrl('CURFEW_DATABASE_URL', text, reading) };
  });

/** What `npm start` reads from its environment. */
export const standaloneSettings = {
  own: ownSettings,
  database: givenDatabaseSettings,
  decision: decisionListenSettings,
  grant: grantListenSettings,
};
