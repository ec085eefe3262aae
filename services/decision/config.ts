import { decisionSettings } from '../../core/processes/decision.ts';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';

export type DecisionConfig = ReturnType<typeof readConfig>;

/** The decision service's configuration. @throws ConfigError listing every variable that is missing, wrong or unknown */
export function readConfig(env: Environment) {
  return loadConfig(decisionSettings, env);
}
