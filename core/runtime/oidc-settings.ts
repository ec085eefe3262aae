import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import type { Issuer, KeySource } from './issuer.ts';
import { overlappingIssuers } from './issuer-overlap.ts';
import { fileSetting, isReadable } from './settings.ts';

const jwksWanted = 'an https URL (or http on loopback), or the path of a JWKS file that can be read';
const nameWanted = 'a name of 1 to 256 characters';
const name = z.string({ error: nameWanted }).min(1, nameWanted).max(256, nameWanted);

/** The same fields as in the environment and more, for CURFEW_OIDC_ISSUERS_FILE: a JSON array of these. */
const issuerEntry = z
  .strictObject({
    issuer: name,
    jwks: z.string({ error: jwksWanted }).transform((text, context) => {
      const source = keySource(text);
      if (source === undefined) {
        context.addIssue({ code: 'custom', message: jwksWanted });
        return z.NEVER;
      }
      return source;
    }),
    audience: name.default('curfew'),
    claim: name.default('sub'),
    typeClaim: name.optional(),
    entityType: name.optional(),
    entityTypes: z.array(name).min(1).optional(),
    sharesEntitiesWith: z.array(name).min(1).optional(),
  })
  .refine(({ entityTypes, typeClaim }) => entityTypes === undefined || typeClaim !== undefined, {
    path: ['entityTypes'],
    error: 'only beside typeClaim, of which it says what it may be; wanted entityType for one type',
  });

/**
 * Whose tokens are believed: the issuer of the environment, those of CURFEW_OIDC_ISSUERS_FILE, or both. There must be one unless
 * callers are known by client certificates alone.
 */
export const oidcSettings = z
  .object({
    CURFEW_OIDC_ISSUER: z.string().optional(),
    CURFEW_OIDC_JWKS: z.string().optional(),
    CURFEW_OIDC_AUDIENCE: z.string().optional(),
    CURFEW_OIDC_CLAIM: z.string().optional(),
    CURFEW_OIDC_TYPE_CLAIM: z.string().optional(),
    CURFEW_OIDC_ENTITY_TYPE: z.string().optional(),
    CURFEW_OIDC_ISSUERS_FILE: fileSetting('a JSON array of issuers').optional(),
    CURFEW_TLS_CLIENT_CA: z.string().optional(),
  })
  .transform((env, context) => {
    const report = (variable: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [variable], message });
    const fromFile =
      env.CURFEW_OIDC_ISSUERS_FILE === undefined ? [] : readIssuers(env.CURFEW_OIDC_ISSUERS_FILE, report);
    const issuers = [...readIssuer(env, report), ...fromFile];
    const names = issuers.map(({ issuer }) => issuer);
    const twice = names.find((issuer, index) => names.indexOf(issuer) !== index);
    if (twice !== undefined) {
      report('CURFEW_OIDC_ISSUERS_FILE', `each issuer once; ${twice} is there twice`);
    }
    const overlap = overlappingIssuers(issuers);
    if (twice === undefined && overlap !== undefined) {
      report('CURFEW_OIDC_ISSUERS_FILE', overlap);
    }
    const isNobodyKnown =
      env.CURFEW_OIDC_ISSUERS_FILE === undefined && env.CURFEW_TLS_CLIENT_CA === undefined;
    if (env.CURFEW_OIDC_ISSUER === undefined && isNobodyKnown) {
      report(
        'CURFEW_OIDC_ISSUER',
        'the issuer of tokens; without it or CURFEW_TLS_CLIENT_CA nobody could call',
      );
    }
    return { issuers };
  });

type Report = (variable: string, message: string) => void;

const variableOf: Readonly<Record<string, string>> = {
  issuer: 'CURFEW_OIDC_ISSUER',
  jwks: 'CURFEW_OIDC_JWKS',
  audience: 'CURFEW_OIDC_AUDIENCE',
  claim: 'CURFEW_OIDC_CLAIM',
  typeClaim: 'CURFEW_OIDC_TYPE_CLAIM',
  entityType: 'CURFEW_OIDC_ENTITY_TYPE',
};

function readIssuer(env: Readonly<Record<string, string | undefined>>, report: Report): readonly Issuer[] {
  const values = Object.entries(variableOf).map(([field, variable]) => [field, env[variable]] as const);
  const set = values.filter(([, value]) => value !== undefined);
  if (set.length === 0) {
    return [];
  }
  const result = issuerEntry.safeParse(Object.fromEntries(set));
  if (result.success) {
    return [toIssuer(result.data)];
  }
  for (const { path, message } of result.error.issues) {
    report(variableOf[String(path[0])] ?? 'CURFEW_OIDC_ISSUER', message);
  }
  return [];
}

function readIssuers(path: string, report: Report): readonly Issuer[] {
  const variable = 'CURFEW_OIDC_ISSUERS_FILE';
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    report(variable, `a JSON array of issuers (${error instanceof Error ? error.message : String(error)})`);
    return [];
  }
  const result = z.array(issuerEntry).min(1).safeParse(json);
  if (result.success) {
    return result.data.map(toIssuer);
  }
  for (const issue of result.error.issues) {
    report(variable, `at [${issue.path.join('.')}] ${issue.message}`);
  }
  return [];
}

function toIssuer({ jwks, ...entry }: z.output<typeof issuerEntry>): Issuer {
  const { typeClaim, entityType, entityTypes, sharesEntitiesWith, ...required } = entry;
  return {
    ...required,
    keys: jwks,
    ...(typeClaim === undefined ? {} : { typeClaim }),
    ...(entityType === undefined ? {} : { entityType }),
    ...(entityTypes === undefined ? {} : { entityTypes }),
    ...(sharesEntitiesWith === undefined ? {} : { sharesEntitiesWith }),
  };
}

/** Where keys are; undefined for a place that is not to be trusted or cannot be read. */
function keySource(text: string): KeySource | undefined {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? URL.parse(text) : undefined;
  if (url === undefined) {
    return isReadable(text) ? { kind: 'file', path: text } : undefined;
  }
  const isTrusted = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  return url !== null && isTrusted ? { kind: 'url', url } : undefined;
}
