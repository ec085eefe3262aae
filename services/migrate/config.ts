import { migrateSettings } from '../../core/processes/migrate.ts';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';

/** The configuration of migrate. @throws ConfigError listing every variable that is missing, wrong or unknown */
export function readConfig(env: Environment) {
  return loadConfig(migrateSettings, env);
}
