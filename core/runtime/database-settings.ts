import { z } from 'zod';
import { type DatabaseTls, databaseUrlProblem, databaseUrlWanted, withDatabaseTls } from './database-url.ts';
import { checkFile, type Report, reporter } from './settings.ts';

/** How a database that is not on this machine is reached. */
export const databaseTlsVariables = {
  CURFEW_DATABASE_CA: z.string().optional().meta({
    description:
      "the PEM authority that signs the database's certificate, and TLS with it; without it sslmode=verify-full in the URL trusts those that Node knows",
  }),
  CURFEW_DATABASE_CLEARTEXT: z.string().default('0').meta({
    description:
      '1 reaches a database on another machine without TLS, over a network that nobody else is in; otherwise such a URL is refused',
  }),
};

/** The variables of `databaseTlsVariables` as they were read. */
interface DatabaseTlsEnv {
  readonly CURFEW_DATABASE_CA?: string | undefined;
  readonly CURFEW_DATABASE_CLEARTEXT: string;
}

/** The database of a service. */
export const databaseSettings = z
  .object({
    CURFEW_DATABASE_URL: z.string({ error: databaseUrlWanted }).meta({
      description:
        "signs in as the service's role; one that may change the ledger or create tables is refused",
    }),
    ...databaseTlsVariables,
  })
  .transform((env, context) => ({
    url: readDatabaseUrl('CURFEW_DATABASE_URL', env.CURFEW_DATABASE_URL, {
      env,
      report: reporter(context),
      problemOf: databaseUrlProblem,
    }),
  }));

/** The database as its owner, for migrate. */
export const ownerDatabaseSettings = z
  .object({
    CURFEW_OWNER_DATABASE_URL: z.string({ error: databaseUrlWanted }).meta({
      description: 'signs in as the owner, who may create roles (CREATEROLE) and need not be a superuser',
    }),
    ...databaseTlsVariables,
  })
  .transform((env, context) => ({
    url: readDatabaseUrl('CURFEW_OWNER_DATABASE_URL', env.CURFEW_OWNER_DATABASE_URL, {
      env,
      report: reporter(context),
      problemOf: databaseUrlProblem,
    }),
  }));

interface Reading {
  readonly env: DatabaseTlsEnv;
  readonly report: Report;
  readonly problemOf: (text: string, tls: DatabaseTls) => string | undefined;
}

/** The URL with what is said beside it of how the database is reached; as it is when that is reported to be wrong. */
export function readDatabaseUrl(variable: string, text: string, { env, report, problemOf }: Reading): string {
  const { CURFEW_DATABASE_CA: caPath, CURFEW_DATABASE_CLEARTEXT: cleartext } = env;
  checkFile(
    'CURFEW_DATABASE_CA',
    caPath,
    "the PEM certificate of the authority that signs the database's certificate",
    report,
  );
  if (cleartext !== '0' && cleartext !== '1')
    report('CURFEW_DATABASE_CLEARTEXT', '1 to reach a database on another machine without TLS, or 0');
  const tls = { caPath, isCleartextAllowed: cleartext === '1' };
  const problem = problemOf(text, tls);
  if (problem === undefined) return withDatabaseTls(text, tls);
  report(variable, problem);
  return text;
}
