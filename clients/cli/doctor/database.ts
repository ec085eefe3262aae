import { readFileSync } from 'node:fs';
import type { DatabaseFacts } from '../../../core/store/examine-database.ts';
import type { Terminal } from '../terminal.ts';
import { about, type Check, messageOf } from './check.ts';
import { checkClock } from './clock.ts';

const variable = 'CURFEW_DATABASE_URL';
const say = about('database');

/** Whether the database of CURFEW_DATABASE_URL can be used as a service would use it. */
export async function checkDatabase({ env, now }: Pick<Terminal, 'env' | 'now'>): Promise<readonly Check[]> {
  const { inspectProcess } = await import('../../../core/processes/inspect-process.ts');
  const { settings, problems } = inspectProcess('decision', env);
  const isOurs = (name: string) => name === variable || name === `${variable}_FILE`;
  if (!env[variable] && !env[`${variable}_FILE`]) {
    const next = `set ${variable} or ${variable}_FILE as a service has it, to have the database looked at`;
    return [say('skipped', `${variable} is not set`, next)];
  }
  const problem = problems.find((each) => isOurs(each.variable));
  if (problem !== undefined)
    return [say('failure', `${problem.variable}: ${problem.problem}`, `correct ${problem.variable}`)];
  const shown = settings.find((setting) => setting.variable === variable)?.value ?? variable;
  const url = env[variable] || readFileSync(env[`${variable}_FILE`] ?? '', 'utf8').trim(); // an empty one is none
  const examine = await loadExaminer();
  if (examine === undefined) return [withoutDriver];
  try {
    return describe(await examine(url, now), shown);
  } catch (error) {
    return [say('failure', `${shown}: ${messageOf(error) || codeOf(error)}`, remedyFor(codeOf(error)))];
  }
}

const withoutDriver = say(
  'skipped',
  'this command line came without the PostgreSQL driver',
  'run curfew doctor where the services are installed, to have the database looked at',
);

/** The driver is loaded here only: every other command does without it, and so may an installation of the command line alone. */
async function loadExaminer() {
  try {
    const { examineDatabase } = await import('../../../core/store/examine-database.ts');
    return examineDatabase;
  } catch (error) {
    if (codeOf(error) === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function describe(facts: DatabaseFacts, shown: string): readonly Check[] {
  const tls = facts.tls ?? 'no TLS, which stays on this machine';
  const seen = `PostgreSQL ${facts.version} at ${shown}, ${tls}`;
  return [
    facts.isStandby
      ? say(
          'failure',
          `${seen}: a standby, which is behind`,
          'name the writer: services follow the writer only',
        )
      : say('ok', seen),
    facts.schemaProblem === undefined
      ? about('database schema')('ok', 'of a version that this Curfew runs on')
      : about('database schema')(
          'failure',
          facts.schemaProblem,
          'run node services/migrate/main.ts as the owner',
        ),
    checkRole(facts),
    checkClock('database clock', 'the clock of the database', facts.clock),
  ];
}

function checkRole({ role, excessRights }: DatabaseFacts): Check {
  const sayRole = about('database role');
  if (excessRights.length === 0) return sayRole('ok', `${role} may do what a service must and no more`);
  return sayRole(
    'warning',
    `${role} ${excessRights.join(', ')}: whoever takes the service over could rewrite history`,
    'sign in as curfew_grant or curfew_decision, the roles that migrate makes',
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [/^ENOTFOUND$|^EAI_/, 'correct the host in the URL, or see to name resolution'],
  [/^ECONNREFUSED$|^ENOENT$/, 'start PostgreSQL there, or correct host and port in the URL'],
  [/^ETIMEDOUT$|^EHOST|^ENET/, 'see to the network and its firewalls between this machine and the database'],
  [/^28/, 'correct user and password in the URL; migrate sets the passwords of the roles'],
  [/^3D000$/, 'create the database and run migrate, or correct its name in the URL'],
  [/^42501$/, 'run migrate, which gives the roles their rights, and sign in as one of them'],
  [/^53300$/, 'raise max_connections, or end what holds so many connections'],
  [/^57P0/, 'wait until PostgreSQL has started, and look at its log'],
  [
    /CERT|SIGNATURE|SIGNED|ALTNAME/,
    'put the authority in sslrootcert=FILE in the URL, and the name of the certificate in its host',
  ],
];

function remedyFor(code: string): string {
  const remedy = remedies.find(([pattern]) => pattern.test(code))?.[1];
  return (
    remedy ?? 'see that the server answers there, speaks TLS where the URL wants it, and look at its log'
  );
}
