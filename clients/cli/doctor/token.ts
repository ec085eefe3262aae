import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { GlobalOptions } from '../connect.ts';
import { developmentToken, developmentTokensPath } from '../development-tokens.ts';
import type { Terminal } from '../terminal.ts';
import { about, type Check, messageOf } from './check.ts';

type Surroundings = Pick<Terminal, 'env' | 'cwd' | 'now'>;

const say = about('token');
const soonMs = 300_000;
const getNew = 'get a new one of the configured issuer; in development npm start writes new ones';

/** Whether the token at hand is there, private, in time and of the issuer and audience that are configured here. */
export function checkToken(options: GlobalOptions, surroundings: Surroundings): readonly Check[] {
  try {
    const found = findToken(options, surroundings);
    if (found === undefined) {
      const next = 'add --as NAME (development) or --token-file FILE, or set CURFEW_TOKEN_FILE';
      return [say('skipped', 'nothing says who is calling', next)];
    }
    return [...checkMode(found.file), ...checkClaims(found.token, surroundings)];
  } catch (error) {
    return [
      say('failure', messageOf(error), 'correct --as, --token-file, CURFEW_TOKEN or CURFEW_TOKEN_FILE'),
    ];
  }
}

interface FoundToken {
  readonly token: string;
  readonly file?: string;
}

function findToken({ as, tokenFile }: GlobalOptions, { env, cwd }: Surroundings): FoundToken | undefined {
  if (as !== undefined) {
    const token = developmentToken(as, cwd);
    const file = developmentTokensPath(cwd);
    return file === undefined ? { token } : { token, file };
  }
  const given = tokenFile ?? (env['CURFEW_TOKEN'] ? undefined : env['CURFEW_TOKEN_FILE']);
  if (given) {
    const file = resolve(cwd, given);
    return { token: readFileSync(file, 'utf8').trim(), file };
  }
  return env['CURFEW_TOKEN'] ? { token: env['CURFEW_TOKEN'] } : undefined;
}

function checkMode(file: string | undefined): readonly Check[] {
  if (file === undefined) return [];
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const seen = `${file} has mode ${mode.toString(8).padStart(4, '0')}: others on this machine can use it`;
  return [about('token file')('warning', seen, `chmod 600 ${file}`)];
}

function checkClaims(token: string, { env, now }: Surroundings): readonly Check[] {
  const claims = readClaims(token);
  if (claims === undefined) return [say('failure', 'it is no JSON Web Token', getNew)];
  const { sub, iss, aud, exp } = claims;
  const seen = `it names ${JSON.stringify(sub)}, of issuer ${JSON.stringify(iss)}, for ${JSON.stringify(aud)}${showSignIn(claims)}`;
  return [
    checkExpiry(exp, now()),
    ...(isWanted(iss, env['CURFEW_OIDC_ISSUER']) || env['CURFEW_OIDC_ISSUERS_FILE']
      ? []
      : [
          say(
            'failure',
            `${seen}; CURFEW_OIDC_ISSUER is ${JSON.stringify(env['CURFEW_OIDC_ISSUER'])}`,
            getNew,
          ),
        ]),
    ...(isWanted(aud, env['CURFEW_OIDC_AUDIENCE'])
      ? []
      : [
          say(
            'failure',
            `${seen}; CURFEW_OIDC_AUDIENCE is ${JSON.stringify(env['CURFEW_OIDC_AUDIENCE'])}`,
            getNew,
          ),
        ]),
    say('ok', seen),
  ];
}

/** Policies may ask for it: when and how its subject signed in. */
function showSignIn({ auth_time: time, amr }: Readonly<Record<string, unknown>>): string {
  const at = typeof time === 'number' ? `, signed in at ${showAt(time)}` : '';
  return amr === undefined ? at : `${at}, by ${JSON.stringify(amr)}`;
}

/** What the token says of itself; whether it is genuine only a service can tell. */
function readClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
      ? { ...claims }
      : undefined;
  } catch {
    return undefined; // that it is none is what is asked
  }
}

/** A claim may be one value or several; what is not configured here is wanted by nobody here. */
function isWanted(claim: unknown, wanted: string | undefined): boolean {
  if (!wanted) return true;
  return Array.isArray(claim) ? claim.includes(wanted) : claim === wanted;
}

function checkExpiry(exp: unknown, now: Date): Check {
  const sayExpiry = about('token expiry');
  if (typeof exp !== 'number' || !Number.isFinite(exp))
    return sayExpiry('failure', 'the token has no end', 'get one with an exp claim: Curfew refuses others');
  const leftMs = exp * 1_000 - now.getTime();
  const at = showAt(exp);
  if (leftMs <= 0) return sayExpiry('failure', `the token expired at ${at}`, getNew);
  if (leftMs < soonMs) return sayExpiry('warning', `the token expires at ${at}, within minutes`, getNew);
  return sayExpiry('ok', `the token expires at ${at}`);
}

function showAt(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return Number.isNaN(at.getTime()) ? String(seconds) : at.toISOString();
}
