import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  createCurfew,
  type Curfew,
  CurfewError,
  type CurfewOptions,
  type TokenSource,
} from '../sdk/index.ts';
import { type Endpoints, resolveEndpoints } from '../sdk/curfew.ts';
import { CliError, usageError } from './cli-error.ts';
import { developmentToken } from './development-tokens.ts';
import { exitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly output: 'table' | 'json';
  readonly as?: string;
  readonly tokenFile?: string;
}

type Surroundings = Pick<Terminal, 'env' | 'cwd'>;

const timeoutMs = 10_000;

/** A client from options and environment. @throws CliError usage for what cannot be meant, before anything is sent */
export function connect(options: GlobalOptions, { env, cwd }: Surroundings): Curfew {
  const settings = addressSettings({ env, cwd });
  const token = tokenSource(options, { env, cwd });
  return inOurWords(() => createCurfew({ ...settings, token, timeoutMs, authorizeTimeoutMs: timeoutMs }));
}

/** Where both services are by the environment, for who asks them without credentials. @throws CliError usage */
export function serviceEndpoints(surroundings: Surroundings): Endpoints {
  return inOurWords(() => resolveEndpoints(addressSettings(surroundings)));
}

function addressSettings({ env, cwd }: Surroundings) {
  const given = (name: string) => env[name] || undefined; // an empty variable is none
  return defined({
    address: given('CURFEW_ADDRESS'),
    decisionAddress: given('CURFEW_DECISION_ADDRESS'),
    grantAddress: given('CURFEW_GRANT_ADDRESS'),
    tls: tlsSetting(given('CURFEW_TLS'), given('CURFEW_CA'), cwd),
  });
}

/** --as, then --token-file, then the environment; two of one kind are refused rather than chosen from. */
function tokenSource(options: GlobalOptions, { env, cwd }: Surroundings): TokenSource {
  const { as, tokenFile } = options;
  if (as !== undefined && tokenFile !== undefined)
    throw usageError('--as and --token-file', 'seen both, wanted one: they say who is calling');
  if (as !== undefined) return developmentToken(as, cwd);
  if (tokenFile !== undefined) return { file: resolve(cwd, tokenFile) };
  const { CURFEW_TOKEN: token, CURFEW_TOKEN_FILE: file } = env;
  if (token && file)
    throw usageError('CURFEW_TOKEN and CURFEW_TOKEN_FILE', 'seen both, wanted one: unset the other');
  if (token) return token;
  if (file) return { file: resolve(cwd, file) };
  throw new CliError('nothing says who is calling', {
    exitCode: exitCode.usage,
    next: 'add --as NAME (development), --token-file FILE, or set CURFEW_TOKEN or CURFEW_TOKEN_FILE',
  });
}

function tlsSetting(mode: string | undefined, caPath: string | undefined, cwd: string): CurfewOptions['tls'] {
  if (mode !== undefined && mode !== 'on' && mode !== 'off')
    throw usageError('CURFEW_TLS', `seen ${JSON.stringify(mode)}, wanted on or off, or nothing at all`);
  if (caPath === undefined) return mode === undefined ? undefined : mode === 'off' ? false : {};
  if (mode === 'off') throw usageError('CURFEW_TLS', 'seen off together with CURFEW_CA, wanted one of them');
  try {
    return { ca: readFileSync(resolve(cwd, caPath)) };
  } catch (cause) {
    throw usageError(
      'CURFEW_CA',
      `cannot read ${caPath}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

/** The SDK names its own options; a person knows the variables. */
const variables: Readonly<Record<string, string>> = {
  address: 'CURFEW_ADDRESS',
  decisionAddress: 'CURFEW_DECISION_ADDRESS',
  grantAddress: 'CURFEW_GRANT_ADDRESS',
  tls: 'CURFEW_CA',
};

function inOurWords<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const violation = error instanceof CurfewError ? error.violations[0] : undefined;
    const name = violation === undefined ? undefined : variables[violation.field];
    if (violation === undefined || name === undefined) throw error;
    throw usageError(name, violation.description);
  }
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(settings: T): Defined<T> {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>; // only what is undefined was dropped
}
