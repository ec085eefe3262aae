import { grantSettings } from '../../core/processes/grant.ts';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';

/** The grant service's configuration. @throws ConfigError listing every variable that is missing, wrong or unknown */
export function readConfig(env: Environment) {
  return loadConfig(grantSettings, env);
}
