import { accessSync, constants, statSync } from 'node:fs';
import { z } from 'zod';
import { isLoopback, parseAddress } from './address.ts';
import { type CertificateRule, certificateRulesWanted, parseCertificateRules } from './certificate-rule.ts';
import { drainWanted, parseDrainMs } from './drain.ts';
import { logLevels } from './log-level.ts';
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

/** Adds a problem of one variable, with what is wanted instead and, where it is not the variable's own value, what was seen. */
export type Report = (variable: string, wanted: string, seen?: string) => void;

/** Reports from a transform: there, unlike in the fields, one problem hides no other. */
export function reporter(context: z.core.$RefinementCtx): Report {
  return (variable, message, seen) =>
    context.addIssue({
      code: 'custom',
      path: [variable],
      message,
      ...(seen === undefined ? {} : { params: { seen } }),
    });
}

const certificate = z.string().optional().meta({
  description: 'the PEM certificate chain of the server; without it services listen on loopback only',
});

/** Also asked for by who believes tokens: with it nobody else need be believed. */
export const clientCa = z
  .string()
  .optional()
  .meta({ description: 'the PEM authority of client certificates, by which services may be known' });

/** Where the decision service listens. */
export const decisionListenSettings = z
  .object({
    CURFEW_DECISION_LISTEN: z
      .string()
      .default('127.0.0.1:2200')
      .meta({ description: 'where it answers gRPC' }),
    CURFEW_DECISION_HTTP_LISTEN: z
      .string()
      .default('127.0.0.1:2210')
      .meta({ description: 'where it answers probes over HTTP; on loopback' }),
    CURFEW_TLS_CERT: certificate,
  })
  .transform((env, context) => {
    const { CURFEW_DECISION_LISTEN: address, CURFEW_DECISION_HTTP_LISTEN: httpAddress } = env;
    const report = reporter(context);
    checkAddress('CURFEW_DECISION_LISTEN', address, env.CURFEW_TLS_CERT !== undefined, report);
    checkHttpAddress('CURFEW_DECISION_HTTP_LISTEN', httpAddress, report);
    return { address, httpAddress };
  });

/** Where the grant service listens. */
export const grantListenSettings = z
  .object({
    CURFEW_GRANT_LISTEN: z.string().default('127.0.0.1:2201').meta({ description: 'where it answers gRPC' }),
    CURFEW_GRANT_HTTP_LISTEN: z
      .string()
      .default('127.0.0.1:2211')
      .meta({ description: 'where it answers probes over HTTP; on loopback' }),
    CURFEW_TLS_CERT: certificate,
  })
  .transform((env, context) => {
    const { CURFEW_GRANT_LISTEN: address, CURFEW_GRANT_HTTP_LISTEN: httpAddress } = env;
    const report = reporter(context);
    checkAddress('CURFEW_GRANT_LISTEN', address, env.CURFEW_TLS_CERT !== undefined, report);
    checkHttpAddress('CURFEW_GRANT_HTTP_LISTEN', httpAddress, report);
    return { address, httpAddress };
  });

/** What `runService` itself reads; `loadConfig` checks it for every process. */
export const processSettings = z.object({
  CURFEW_LOG_LEVEL: z
    .enum(logLevels, { error: `one of ${logLevels.join(', ')}` })
    .optional()
    .meta({ description: `the least that is logged: ${logLevels.join(', ')}`, fallback: 'info' }),
  CURFEW_DRAIN: textSetting(drainWanted, (text) =>
    parseDrainMs(text) === undefined ? drainWanted : undefined,
  )
    .optional()
    .meta({
      description:
        'how long it still answers after SIGTERM while it says that it is not serving; 0 is not at all',
      fallback: '2s',
    }),
  CURFEW_EXIT_WITH_PARENT: z
    .enum(['0', '1'], { error: '1 to stop when stdin ends, or 0' })
    .optional()
    .meta({ description: '1 stops the process when its stdin ends', fallback: '0' }),
});

const pemFiles = {
  CURFEW_TLS_CERT: 'a PEM certificate chain',
  CURFEW_TLS_KEY: 'the PEM key of CURFEW_TLS_CERT',
  CURFEW_TLS_CLIENT_CA: 'the PEM certificate of the authority that signs client certificates',
} as const;

/** TLS of a server: its files, undefined without TLS, what the names in client certificates begin with, and what these may call. */
export const tlsSettings = z
  .object({
    CURFEW_TLS_CERT: certificate,
    CURFEW_TLS_KEY: z.string().optional().meta({ description: 'the PEM key of CURFEW_TLS_CERT' }),
    CURFEW_TLS_CLIENT_CA: clientCa,
    CURFEW_TLS_CLIENT_PREFIX: z
      .string()
      .default('')
      .meta({ description: 'what the name in a client certificate begins with; the rest is the id' }),
    CURFEW_TLS_ALLOW: z.string().optional().meta({
      description:
        'what certificates may call at all, such as web/*=DecisionService; ci=GrantService/RequestAccess; without it Cedar alone decides, with it one that no rule names may call nothing',
    }),
  })
  .transform((env, context) => {
    const report = reporter(context);
    for (const [variable, what] of Object.entries(pemFiles))
      checkFile(variable, env[variable as keyof typeof pemFiles], what, report); // its own keys
    const { CURFEW_TLS_CERT: certPath, CURFEW_TLS_KEY: keyPath, CURFEW_TLS_CLIENT_CA: clientCaPath } = env;
    if (certPath === undefined && (keyPath ?? clientCaPath) !== undefined) {
      report('CURFEW_TLS_CERT', `${pemFiles.CURFEW_TLS_CERT}, because another CURFEW_TLS_ variable is set`);
    }
    if (certPath !== undefined && keyPath === undefined) {
      report('CURFEW_TLS_KEY', pemFiles.CURFEW_TLS_KEY);
    }
    const files: TlsFiles | undefined =
      certPath === undefined || keyPath === undefined
        ? undefined
        : { certPath, keyPath, ...(clientCaPath === undefined ? {} : { clientCaPath }) };
    return { files, clientPrefix: env.CURFEW_TLS_CLIENT_PREFIX, clientRules: readRules(env, report) };
  });

interface RulesEnv {
  readonly CURFEW_TLS_ALLOW?: string | undefined;
  readonly CURFEW_TLS_CLIENT_CA?: string | undefined;
}

function readRules(env: RulesEnv, report: Report): readonly CertificateRule[] | undefined {
  const { CURFEW_TLS_ALLOW: text, CURFEW_TLS_CLIENT_CA: clientCaPath } = env;
  if (text === undefined) return undefined;
  if (clientCaPath === undefined)
    report('CURFEW_TLS_CLIENT_CA', 'the authority of the certificates that CURFEW_TLS_ALLOW is about');
  const rules = parseCertificateRules(text);
  if (rules === undefined) report('CURFEW_TLS_ALLOW', certificateRulesWanted);
  return rules;
}

function checkAddress(variable: string, text: string, hasTls: boolean, report: Report): void {
  const address = parseAddress(text);
  if (address === undefined) {
    report(variable, 'an address such as 127.0.0.1:2200 or [::1]:2200; port 0 is any free one');
  } else if (!hasTls && !isLoopback(address.host)) {
    report(
      variable,
      'a loopback address such as 127.0.0.1:2200 without TLS, or CURFEW_TLS_CERT and CURFEW_TLS_KEY too',
    );
  }
}

function checkHttpAddress(variable: string, text: string, report: Report): void {
  const address = parseAddress(text);
  if (address === undefined || !isLoopback(address.host)) {
    report(variable, 'a loopback address such as 127.0.0.1:2210');
  }
}

/** Reports a file that cannot be read; one that is not named is no problem. */
export function checkFile(variable: string, path: string | undefined, what: string, report: Report): void {
  if (path !== undefined && !isReadable(path)) {
    report(variable, `the path of a file that can be read: ${what}`);
  }
}

/** The path of a folder that can be read. @param what it is the folder of */
export function folderSetting(what: string) {
  const wanted = `the path of ${what}, a folder that can be read`;
  return textSetting(wanted, (path) =>
    isReadable(path) && statSync(path).isDirectory() ? undefined : wanted,
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
