import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { parseAddress } from './address.ts';
import { type DatabaseTls, databaseUrlProblem, databaseUrlWanted, withDatabaseTls } from './database-url.ts';
import { certificateRulesWanted, parseCertificateRules } from './certificate-rule.ts';
import { drainWanted, parseDrainMs } from './drain.ts';
import { logLevels } from './log.ts';
import type { TlsFiles } from './tls-files.ts';

/** A variable's text. @param problem what is wanted instead of a text, undefined for a good one */
export function textSetting(wanted: string, problem: (text: string) => string | undefined) {
  return z.string({ error: wanted }).superRefine((text, context) => {
    const message = problem(text);
    if (message !== undefined) {
      context.addIssue({ code: 'custom', message });
    }
  });
}

/** How a database that is not on this machine is reached. */
export const databaseTlsVariables = {
  CURFEW_DATABASE_CA: fileSetting(
    "the PEM certificate of the authority that signs the database's certificate",
  ).optional(),
  CURFEW_DATABASE_CLEARTEXT: z
    .enum(['0', '1'], { error: '1 to reach a database on another machine without TLS, or 0' })
    .default('0'),
};

/** The variables of `databaseTlsVariables` as they were read. */
interface DatabaseTlsEnv {
  readonly CURFEW_DATABASE_CA?: string | undefined;
  readonly CURFEW_DATABASE_CLEARTEXT: '0' | '1';
}

export function databaseTlsOf(env: DatabaseTlsEnv): DatabaseTls {
  return { caPath: env.CURFEW_DATABASE_CA, isCleartextAllowed: env.CURFEW_DATABASE_CLEARTEXT === '1' };
}

/** The database of a service. */
export const databaseSettings = z
  .object({ CURFEW_DATABASE_URL: z.string({ error: databaseUrlWanted }), ...databaseTlsVariables })
  .transform((env, context) => readDatabaseUrl('CURFEW_DATABASE_URL', env.CURFEW_DATABASE_URL, env, context));

/** The database as its owner, for migrate. */
export const ownerDatabaseSettings = z
  .object({ CURFEW_OWNER_DATABASE_URL: z.string({ error: databaseUrlWanted }), ...databaseTlsVariables })
  .transform((env, context) =>
    readDatabaseUrl('CURFEW_OWNER_DATABASE_URL', env.CURFEW_OWNER_DATABASE_URL, env, context),
  );

function readDatabaseUrl(
  variable: string,
  text: string,
  env: DatabaseTlsEnv,
  context: z.RefinementCtx,
): { readonly url: string } {
  const tls = databaseTlsOf(env);
  const message = databaseUrlProblem(text, tls);
  if (message === undefined) return { url: withDatabaseTls(text, tls) };
  context.addIssue({ code: 'custom', path: [variable], message });
  return z.NEVER;
}

/** Where the decision service listens. */
export const decisionListenSettings = z
  .object({
    CURFEW_DECISION_LISTEN: addressSetting('127.0.0.1:2200'),
    CURFEW_DECISION_HTTP_LISTEN: addressSetting('127.0.0.1:2210'),
  })
  .transform((env) => ({
    address: env.CURFEW_DECISION_LISTEN,
    httpAddress: env.CURFEW_DECISION_HTTP_LISTEN,
  }));

/** Where the grant service listens. */
export const grantListenSettings = z
  .object({
    CURFEW_GRANT_LISTEN: addressSetting('127.0.0.1:2201'),
    CURFEW_GRANT_HTTP_LISTEN: addressSetting('127.0.0.1:2211'),
  })
  .transform((env) => ({ address: env.CURFEW_GRANT_LISTEN, httpAddress: env.CURFEW_GRANT_HTTP_LISTEN }));

/** What `runService` itself reads; `loadConfig` checks it for every process. */
export const processSettings = z.object({
  CURFEW_LOG_LEVEL: z.enum(logLevels, { error: `one of ${logLevels.join(', ')}` }).optional(),
  CURFEW_DRAIN: textSetting(drainWanted, (text) =>
    parseDrainMs(text) === undefined ? drainWanted : undefined,
  ).optional(),
  CURFEW_EXIT_WITH_PARENT: z.enum(['0', '1'], { error: '1 to stop when stdin ends, or 0' }).optional(),
});

/** TLS of a server: its files, undefined without TLS, what the names in client certificates begin with, and what these may call. */
export const tlsSettings = z
  .object({
    CURFEW_TLS_CERT: fileSetting('a PEM certificate chain').optional(),
    CURFEW_TLS_KEY: fileSetting('the PEM key of CURFEW_TLS_CERT').optional(),
    CURFEW_TLS_CLIENT_CA: fileSetting(
      'the PEM certificate of the authority that signs client certificates',
    ).optional(),
    CURFEW_TLS_CLIENT_PREFIX: z.string().default(''),
    CURFEW_TLS_ALLOW: textSetting(certificateRulesWanted, (text) =>
      parseCertificateRules(text) === undefined ? certificateRulesWanted : undefined,
    ).optional(),
  })
  .transform((env, context) => {
    const { CURFEW_TLS_CERT: certPath, CURFEW_TLS_KEY: keyPath, CURFEW_TLS_CLIENT_CA: clientCaPath } = env;
    const missing = (variable: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [variable], message });
    if (certPath === undefined && (keyPath ?? clientCaPath) !== undefined) {
      missing('CURFEW_TLS_CERT', 'a PEM certificate chain, because another CURFEW_TLS_ variable is set');
    }
    if (certPath !== undefined && keyPath === undefined) {
      missing('CURFEW_TLS_KEY', 'the PEM key of CURFEW_TLS_CERT');
    }
    if (clientCaPath === undefined && env.CURFEW_TLS_ALLOW !== undefined) {
      missing('CURFEW_TLS_CLIENT_CA', 'the authority of the certificates that CURFEW_TLS_ALLOW is about');
    }
    const clientCa = clientCaPath === undefined ? {} : { clientCaPath };
    const files: TlsFiles | undefined =
      certPath === undefined || keyPath === undefined ? undefined : { certPath, keyPath, ...clientCa };
    const clientRules = parseCertificateRules(env.CURFEW_TLS_ALLOW ?? '');
    return { files, clientPrefix: env.CURFEW_TLS_CLIENT_PREFIX, clientRules };
  });

/** An address to listen on; port 0 = any free one. */
function addressSetting(defaultAddress: string) {
  const wanted = `an address such as ${defaultAddress} or [::1]:2200`;
  return textSetting(wanted, (text) => (parseAddress(text) === undefined ? wanted : undefined)).default(
    defaultAddress,
  );
}

/** The path of a file that can be read. */
export function fileSetting(what: string) {
  return textSetting(what, (path) =>
    isReadable(path) ? undefined : `the path of a file that can be read: ${what}`,
  );
}

export function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
