import { readFileSync } from 'node:fs';
import { showSeen } from './seen.ts';
import { secretVariables, unknownVariable } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable's value and where it is from. */
export interface FoundValue {
  readonly value: string;
  /** The file that the variable with `_FILE` names; undefined when the value is in the environment itself. */
  readonly file?: string;
}

/** One variable that is not as it must be. */
export interface ConfigProblem {
  readonly variable: string;
  /** The file that the value is from; undefined when it is from the environment, or would have to be there. */
  readonly file?: string;
  /** The value seen (never of a secret), where, and the value wanted. */
  readonly problem: string;
}

/** Curfew's own variables that are set, by name, with secrets read from the files that stand for them. */
export interface ReadEnvironment {
  readonly found: ReadonlyMap<string, FoundValue>;
  readonly problems: readonly ConfigProblem[];
  /** Secrets whose file gave no value, so that they are not also said to be missing. */
  readonly unread: ReadonlySet<string>;
}

/** Reads what is Curfew's. An empty variable counts as unset. */
export function readEnvironment(env: Environment): ReadEnvironment {
  const found = new Map<string, FoundValue>();
  const problems: ConfigProblem[] = [];
  const unread = new Set<string>();
  for (const [variable, value] of Object.entries(env)) {
    const problem = unknownVariable(variable);
    if (problem !== undefined) {
      problems.push({ variable, problem });
    } else if (variable.startsWith('CURFEW_') && value !== undefined && value !== '') {
      found.set(variable, { value });
    }
  }
  for (const secret of secretVariables) {
    const problem = readSecretFile(secret, found);
    if (problem !== undefined) {
      problems.push(problem);
      unread.add(secret);
    }
  }
  return { found, problems, unread };
}

function readSecretFile(secret: string, found: Map<string, FoundValue>): ConfigProblem | undefined {
  const variable = `${secret}_FILE`;
  const file = found.get(variable)?.value;
  if (file === undefined) {
    return undefined;
  }
  if (found.has(secret)) {
    return { variable, problem: `seen ${showSeen(file)} while ${secret} is set too, wanted one of the two` };
  }
  try {
    found.set(secret, { value: readFileSync(file, 'utf8').trim(), file });
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { variable, problem: `seen ${showSeen(file)}, wanted a readable file (${why})` };
  }
}
