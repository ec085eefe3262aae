import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { showSeen } from './seen.ts';
import { processSettings } from './settings.ts';
import { secretVariables, unknownVariable } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable that is not as it must be. */
export interface ConfigProblem {
  readonly variable: string;
  /** The value seen (never of a secret) and the value wanted. */
  readonly problem: string;
}

/** The environment is wrong; every problem of it is listed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(`configuration: ${problems.map(({ variable, problem }) => `${variable}: ${problem}`).join('; ')}`);
    this.problems = problems;
  }
}

type Fragments = Readonly<Record<string, z.ZodType>>;
type Config<F extends Fragments> = { readonly [K in keyof F]: z.output<F[K]> };

/**
 * The configuration that the fragments read from the environment, each under its own name. A fragment is a zod object keyed by
 * variable whose messages say what is wanted; `settings.ts` has the usual ones. An empty variable counts as unset. What every process
 * reads (`runService`) is checked too.
 *
 * @throws ConfigError listing every variable that is missing, wrong or unknown
 */
export function loadConfig<F extends Fragments>(fragments: F, env: Environment): Config<F> {
  const problems: ConfigProblem[] = [];
  const values = readEnvironment(env, problems);
  const config: Record<string, unknown> = {};
  for (const [name, fragment] of Object.entries(fragments)) {
    config[name] = parse(fragment, values, problems);
  }
  parse(processSettings, values, problems);
  if (problems.length > 0) {
    throw new ConfigError(distinct(problems));
  }
  return config as Config<F>; // each name holds what its fragment parsed
}

function parse(
  fragment: z.ZodType,
  values: Readonly<Record<string, string>>,
  problems: ConfigProblem[],
): unknown {
  const result = fragment.safeParse(values);
  if (!result.success) {
    problems.push(...result.error.issues.map((issue) => describe(issue, values)));
  }
  return result.data;
}

/** Curfew's own variables that are set, with secrets read from the files that stand for them. */
function readEnvironment(env: Environment, problems: ConfigProblem[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [variable, value] of Object.entries(env)) {
    const problem = unknownVariable(variable);
    if (problem !== undefined) {
      problems.push({ variable, problem });
    } else if (variable.startsWith('CURFEW_') && value !== undefined && value !== '') {
      values[variable] = value;
    }
  }
  for (const secret of secretVariables) {
    readSecretFile(secret, values, problems);
  }
  return values;
}

function readSecretFile(secret: string, values: Record<string, string>, problems: ConfigProblem[]): void {
  const variable = `${secret}_FILE`;
  const path = values[variable];
  if (path === undefined) {
    return;
  }
  if (values[secret] !== undefined) {
    problems.push({ variable, problem: `${secret} is set too, wanted one of the two` });
    return;
  }
  try {
    values[secret] = readFileSync(path, 'utf8').trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ variable, problem: `seen ${showSeen(path)}, wanted a readable file (${why})` });
  }
}

function describe(issue: z.core.$ZodIssue, values: Readonly<Record<string, string>>): ConfigProblem {
  const variable = String(issue.path[0] ?? 'environment');
  const value = values[variable];
  if (value === undefined) {
    return { variable, problem: `missing, wanted ${issue.message}` };
  }
  const seen = isSecret(variable) ? '(a secret, not shown)' : showSeen(value);
  return { variable, problem: `seen ${seen}, wanted ${issue.message}` };
}

function isSecret(variable: string): boolean {
  return secretVariables.some((secret) => secret === variable);
}

function distinct(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...new Map(problems.map((each) => [`${each.variable}\n${each.problem}`, each])).values()];
}
