import { styleText } from 'node:util';
import type { StandaloneConfig } from './config.ts';

export interface Banner {
  readonly config: StandaloneConfig;
  readonly database: string;
  readonly people: readonly string[];
  readonly services: readonly string[];
  readonly startedInMs: number;
}

/** What a newcomer needs to know, once everything runs. */
export function banner({ config, database, people, services, startedInMs }: Banner): string {
  const command = (text: string): string => `  ${styleText('cyan', text)}`;
  const row = (name: string, value: string): string => `  ${name.padEnd(18)}${value}`;
  return [
    '',
    `${styleText('bold', 'Curfew is ready')} (${(startedInMs / 1000).toFixed(1)} s). Ctrl-C stops it.`,
    '',
    row(
      'decision service',
      `${config.decision.address}  (health http://${config.decision.httpAddress}/readyz)`,
    ),
    row('grant service', `${config.grant.address}  (health http://${config.grant.httpAddress}/readyz)`),
    row('database', database),
    row('policies', `${config.own.policies}  (edit a file; it is in force within seconds)`),
    row('tokens and logs', config.own.home),
    '',
    row('people', people.join(', ')),
    row('services', services.join(', ')),
    '',
    ...tour(people).map(command),
    '',
  ].join('\n');
}

/** With the example organisation, the main job; else the commands that work in every domain. */
function tour(people: readonly string[]): readonly string[] {
  if (['ada', 'grace'].every((name) => people.includes(name))) {
    return [
      `npx curfew can read Database::orders --as ada`,
      `npx curfew request read Database::orders --duration 20s --reason "look at a stuck order" --as ada`,
      `npx curfew requests --to-review --as grace`,
      `npx curfew grants --as ada`,
    ];
  }
  const [first = 'NAME'] = people;
  const as = /^[\w.@-]+$/.test(first) ? first : `'${first.replaceAll("'", String.raw`'\''`)}'`;
  return ['whoami', 'requests', 'grants', 'status'].map((name) => `npx curfew ${name} --as ${as}`);
}
