import { type Inspection, inspectConfig } from '../runtime/config.ts';
import type { Environment } from '../runtime/environment.ts';
import { decisionSettings } from './decision.ts';
import { grantSettings } from './grant.ts';
import { migrateSettings } from './migrate.ts';
import { standaloneSettings } from './standalone.ts';

const settingsOf = {
  grant: grantSettings,
  decision: decisionSettings,
  migrate: migrateSettings,
  standalone: standaloneSettings,
} as const;

export type { Inspection } from '../runtime/config.ts';

export type ProcessName = keyof typeof settingsOf;

/** Every process that is configured by its environment. */
export const processNames: readonly ProcessName[] = ['grant', 'decision', 'migrate', 'standalone'];

/** What that process would have in force in this environment, and everything that is wrong with it. */
export function inspectProcess(name: ProcessName, env: Environment): Inspection {
  return inspectConfig(settingsOf[name], env);
}
