import { standaloneSettings } from '../../core/processes/standalone.ts';
import { type Environment, loadConfig } from '../../core/runtime/config.ts';

/** What `npm start` takes from the environment. @throws ConfigError listing everything that is wrong */
export function readConfig(env: Environment) {
  return loadConfig(standaloneSettings, env);
}

export type StandaloneConfig = ReturnType<typeof readConfig>;
