import type { z } from 'zod';
import {
  type ConfigProblem,
  type Environment,
  type ReadEnvironment,
  readEnvironment,
} from './environment.ts';
import { describeVariables, type Fragments } from './fragment.ts';
import { showSeen, showValue } from './seen.ts';
import { processSettings } from './settings.ts';
import { isSecret } from './variables.ts';

export type { ConfigProblem, Environment } from './environment.ts';

/** The environment is wrong; every problem of it is listed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`configuration: ${problems.map(({ variable, problem }) => `${variable}: ${problem}`).join('; ')}`);
    this.problems = problems;
  }
}

type Config<F extends Fragments> = { readonly [K in keyof F]: z.output<F[K]> };

/**
 * The configuration that the fragments read from the environment, each under its own name. An empty variable counts as unset. What
 * every process reads (`runService`) is checked too.
 *
 * @throws ConfigError listing every variable that is missing, wrong or unknown
 */
export function loadConfig<F extends Fragments>(fragments: F, env: Environment): Config<F> {
  const { config, problems } = parseAll(fragments, readEnvironment(env));
  if (problems.length > 0) {
    throw new ConfigError(problems);
  }
  return config as Config<F>; // each name holds what its fragment parsed
}

/** What a process would have in force of one variable. */
export interface Setting {
  readonly variable: string;
  /** As it may be shown: of a secret nothing, of a URL no password; undefined when it is unset. */
  readonly value: string | undefined;
  readonly from: 'environment' | 'file' | 'default' | 'unset';
  /** The file that it is from. */
  readonly file?: string;
  readonly meaning: string;
}

export interface Inspection {
  /** Every variable that the process reads, in the order of the fragments. */
  readonly settings: readonly Setting[];
  /** What `loadConfig` would throw. */
  readonly problems: readonly ConfigProblem[];
}

/** What `loadConfig` would read, variable by variable, and everything that is wrong with it. Never throws for a wrong environment. */
export function inspectConfig(fragments: Fragments, env: Environment): Inspection {
  const read = readEnvironment(env);
  const variables = describeVariables({ ...fragments, process: processSettings });
  const settings = variables.map(({ variable, meaning, fallback }): Setting => {
    const found = read.found.get(variable);
    if (found === undefined)
      return { variable, value: fallback, from: fallback === undefined ? 'unset' : 'default', meaning };
    const value = showValue(variable, found.value);
    return found.file === undefined
      ? { variable, value, from: 'environment', meaning }
      : { variable, value, from: 'file', file: found.file, meaning };
  });
  return { settings, problems: parseAll(fragments, read).problems };
}

interface Parsed {
  readonly config: Readonly<Record<string, unknown>>;
  readonly problems: readonly ConfigProblem[];
}

function parseAll(fragments: Fragments, read: ReadEnvironment): Parsed {
  const values = Object.fromEntries([...read.found].map(([variable, { value }]) => [variable, value]));
  const problems = [...read.problems];
  const config: Record<string, unknown> = {};
  for (const [name, fragment] of Object.entries({ ...fragments, process: processSettings })) {
    const { success, data, error } = fragment.safeParse(values);
    if (name in fragments) config[name] = data;
    if (!success) problems.push(...error.issues.flatMap((issue) => describe(issue, read)));
  }
  return { config, problems: distinct(problems) };
}

function describe(issue: z.core.$ZodIssue, { found, unread }: ReadEnvironment): readonly ConfigProblem[] {
  const variable = String(issue.path[0] ?? 'environment');
  const value = found.get(variable);
  const wanted = `wanted ${issue.message}`;
  if (value === undefined) {
    if (unread.has(variable)) return [];
    const or = isSecret(variable) ? `; ${variable}_FILE may name a file with it` : '';
    return [{ variable, problem: `missing, ${wanted}${or}` }];
  }
  const shown = isSecret(variable) ? '(a secret, not shown)' : showSeen(showValue(variable, value.value));
  const seen = issue.code === 'custom' ? (issue.params?.['seen'] ?? shown) : shown; // what a file holds, rather than its path
  const { file } = value;
  if (file === undefined) return [{ variable, problem: `seen ${seen}, ${wanted}` }];
  return [
    { variable, file, problem: `seen ${seen} in ${showSeen(file)}, the file of ${variable}_FILE, ${wanted}` },
  ];
}

function distinct(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...new Map(problems.map((each) => [`${each.variable}\n${each.problem}`, each])).values()];
}
