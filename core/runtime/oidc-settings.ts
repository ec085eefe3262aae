import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isLoopback } from './address.ts';
import type { Issuer, KeySource } from './issuer.ts';
import { overlappingIssuers } from './issuer-overlap.ts';
import { showSeen, showValue } from './seen.ts';
import { checkFile, clientCa, isReadable, type Report, reporter } from './settings.ts';

const jwksWanted = 'an https URL (or http on loopback), or the path of a JWKS file that can be read';
const nameWanted = 'a name of 1 to 256 characters';
const defaultAudience = 'curfew';
const defaultClaim = 'sub';
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
    audience: name.default(defaultAudience),
    claim: name.default(defaultClaim),
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
    CURFEW_OIDC_ISSUER: text('whose tokens are believed: their iss claim'),
    CURFEW_OIDC_JWKS: text('where its public keys are: an https URL or a JWKS file'),
    CURFEW_OIDC_AUDIENCE: text('the aud claim that its tokens must have', defaultAudience),
    CURFEW_OIDC_CLAIM: text("the claim that is the caller's id in the directory", defaultClaim),
    CURFEW_OIDC_TYPE_CLAIM: text("the claim that is the caller's entity type"),
    CURFEW_OIDC_ENTITY_TYPE: text("the caller's entity type where no claim says it"),
    CURFEW_OIDC_ISSUERS_FILE: text(
      'a JSON array of more issuers: issuer, jwks, audience, claim, typeClaim, entityType, entityTypes, sharesEntitiesWith',
    ),
    CURFEW_TLS_CLIENT_CA: clientCa,
  })
  .transform((env, context) => {
    const report = reporter(context);
    const fromFile = readIssuers(env.CURFEW_OIDC_ISSUERS_FILE, report);
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
    if (Object.values(env).every((value) => value === undefined)) {
      report(
        'CURFEW_OIDC_ISSUER',
        'the issuer of tokens; without it or CURFEW_TLS_CLIENT_CA nobody could call',
      );
    }
    return { issuers };
  });

function text(description: string, fallback?: string) {
  return z.string().optional().meta({ description, fallback });
}

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

const issuersFile = 'CURFEW_OIDC_ISSUERS_FILE';

function readIssuers(path: string | undefined, report: Report): readonly Issuer[] {
  checkFile(issuersFile, path, 'a JSON array of issuers', report);
  if (path === undefined || !isReadable(path)) {
    return [];
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    report(
      issuersFile,
      `a JSON array of issuers (${error instanceof Error ? error.message : String(error)})`,
    );
    return [];
  }
  const result = z.array(issuerEntry).min(1).safeParse(json);
  if (result.success) {
    return result.data.map(toIssuer);
  }
  for (const { path: place, message } of result.error.issues) {
    report(issuersFile, message, `${seenAt(json, place)} at ${showPlace(place)} of ${showSeen(path)}`);
  }
  return [];
}

function seenAt(json: unknown, place: readonly PropertyKey[]): string {
  const value = place.reduce<unknown>(
    (whole, key) => (typeof whole === 'object' && whole !== null ? Reflect.get(whole, key) : undefined),
    json,
  );
  if (typeof value === 'string') return showSeen(showValue(issuersFile, value));
  // Not what is inside, which may have a password somewhere.
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

function showPlace(place: readonly PropertyKey[]): string {
  return place.length === 0 ? 'the top' : `[${place.map(String).join('.')}]`;
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
