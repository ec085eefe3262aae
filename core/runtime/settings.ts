import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { parseAddress } from './address.ts';
import { certificateRulesWanted, parseCertificateRules } from './certificate-rule.ts';
import { databaseUrlProblem, databaseUrlWanted } from './database-url.ts';
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

const databaseUrl = textSetting(databaseUrlWanted, databaseUrlProblem);

/** The database of a service. */
export const databaseSettings = z
  .object({ CURFEW_DATABASE_URL: databaseUrl })
  .transform((env) => ({ url: env.CURFEW_DATABASE_URL }));

/** The database as its owner, for migrate. */
export const ownerDatabaseSettings = z
  .object({ CURFEW_OWNER_DATABASE_URL: databaseUrl })
  .transform((env) => ({ url: env.CURFEW_OWNER_DATABASE_URL }));

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
