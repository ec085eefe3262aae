import { uidKey } from '../../core/access/entity.ts';
import { readFolderPolicies } from './policies.ts';
import { connect, type Database } from '../../core/store/connect.ts';
import { readSnapshot } from '../../core/store/ledger.ts';
import { requireJobSchema } from '../../core/store/job-schema.ts';
import { requireLeastRights } from '../../core/store/least-rights.ts';
import { requireSchema, ROLES } from '../../core/store/migrate.ts';
import { banner } from './banner.ts';
import { type Child, runJob, startChild } from './child.ts';
import type { StandaloneConfig } from './config.ts';
import { openDatabase, type StandaloneDatabase } from './database.ts';
import { type Home, openHome } from './home.ts';
import { type DevelopmentIssuer, makeTokens, openIssuer } from './issuer.ts';
import { requireFree } from './ports.ts';

/** Registers what to stop at the end, the last first. */
export type OnClose = (what: string, close: () => Promise<void>) => void;

export interface Standalone {
  readonly config: StandaloneConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly onClose: OnClose;
  /** Says something to the person at the terminal. */
  readonly say: (text: string) => void;
}

/** Starts everything, writes the tokens and says how to go on. @throws Error with one clear message */
export async function startStandalone(standalone: Standalone): Promise<void> {
  const { config, env, onClose, say } = standalone;
  const startedAt = performance.now();
  const home = await openHome(config.own.home);
  await requireFree([
    { variable: 'CURFEW_DECISION_LISTEN', address: config.decision.address },
    { variable: 'CURFEW_DECISION_HTTP_LISTEN', address: config.decision.httpAddress },
    { variable: 'CURFEW_GRANT_LISTEN', address: config.grant.address },
    { variable: 'CURFEW_GRANT_HTTP_LISTEN', address: config.grant.httpAddress },
  ]);
  const [read, opened, signing] = await Promise.allSettled([
    readFolderPolicies(config.own.policies, home),
    openMigrated(standalone, home),
    openIssuer(home),
  ]);
  // A broken policy is what the person who starts this can mend: it is said first.
  const policies = valueOf(read);
  const database = valueOf(opened);
  const issuer = valueOf(signing);
  const children = startServices({ config, env, home, issuer, database, say });
  for (const child of children) onClose('a service', () => child.stop());
  const [decision, grant] = children;
  await Promise.all([
    grant?.ready(`http://${config.grant.httpAddress}/readyz`),
    decision?.ready(`http://${config.decision.httpAddress}/readyz`),
  ]);
  const uids = await peopleAndServices(database, [...policies.personTypes, ...policies.serviceTypes]);
  await home.writeSecret('tokens.json', `${JSON.stringify(await makeTokens(issuer, uids), undefined, 2)}\n`);
  const named = (types: readonly string[]): string[] =>
    uids.filter((uid) => types.includes(uid.type)).map((uid) => uid.id);
  say(
    banner({
      config,
      database:
        config.database.url === undefined
          ? `PostgreSQL in ${home.path('postgres')}`
          : 'as CURFEW_DATABASE_URL says',
      people: named(policies.personTypes),
      services: named(policies.serviceTypes),
      startedInMs: performance.now() - startedAt,
    }),
  );
}

async function openMigrated({ config, env, onClose }: Standalone, home: Home): Promise<StandaloneDatabase> {
  const database = await openDatabase(home, config.database.url);
  onClose('the database', () => database.stop());
  if (!(await isMigrated(database))) await migrateDatabase(home, database, env);
  return database;
}

/** Whether the services can sign in and run as it is; whatever stands against it, migrate mends or explains. */
async function isMigrated(database: StandaloneDatabase): Promise<boolean> {
  const checks = await Promise.allSettled(
    ROLES.map((role) =>
      withReader(database.urlOf(role), async (reader) => {
        await requireSchema(reader);
        await requireLeastRights(reader);
        if (role === 'grant') await requireJobSchema(reader);
      }),
    ),
  );
  return checks.every((check) => check.status === 'fulfilled');
}

function valueOf<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function migrateDatabase(
  home: Home,
  database: StandaloneDatabase,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  await runJob({
    name: 'migrate',
    service: 'migrate',
    logPath: home.path('migrate.log'),
    env: {
      ...withoutCurfew(env),
      NODE_COMPILE_CACHE: home.path('compile-cache'),
      CURFEW_OWNER_DATABASE_URL: database.ownerUrl,
      CURFEW_GRANT_ROLE_PASSWORD: database.passwords.grant,
      CURFEW_DECISION_ROLE_PASSWORD: database.passwords.decision,
      CURFEW_NOTIFY_ROLE_PASSWORD: database.passwords.notify,
    },
  });
}

interface Services {
  readonly config: StandaloneConfig;
  readonly env: NodeJS.ProcessEnv;
  readonly home: Home;
  readonly issuer: DevelopmentIssuer;
  readonly database: StandaloneDatabase;
  readonly say: (text: string) => void;
}

function startServices({ config, env, home, issuer, database, say }: Services): readonly Child[] {
  const common = {
    ...env,
    NODE_COMPILE_CACHE: home.path('compile-cache'),
    CURFEW_OIDC_ISSUER: issuer.issuer,
    CURFEW_OIDC_AUDIENCE: issuer.audience,
    CURFEW_OIDC_JWKS: issuer.jwksPath,
    CURFEW_OIDC_TYPE_CLAIM: issuer.typeClaim,
  };
  return [
    startChild({
      name: 'the decision service',
      service: 'decision',
      logPath: home.path('decision.log'),
      env: {
        ...common,
        CURFEW_DATABASE_URL: database.urlOf('decision'),
        CURFEW_GRANT_ADDRESS: config.grant.address,
      },
      onCrash: say,
    }),
    startChild({
      name: 'the grant service',
      service: 'grant',
      logPath: home.path('grant.log'),
      env: { ...common, CURFEW_DATABASE_URL: database.urlOf('grant'), CURFEW_POLICIES: config.own.policies },
      onCrash: say,
    }),
  ];
}

/** Of our own variables, those that migrate reads as well. */
const SHARED_WITH_MIGRATE = ['CURFEW_DATABASE_CA', 'CURFEW_DATABASE_CLEARTEXT', 'CURFEW_LOG_LEVEL'];

function withoutCurfew(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('CURFEW_') || SHARED_WITH_MIGRATE.includes(name)),
  );
}

async function peopleAndServices(database: StandaloneDatabase, types: readonly string[]) {
  const { entities } = await withReader(database.urlOf('grant'), (reader) => readSnapshot(reader));
  const uids = entities.map((entity) => entity.uid).filter((uid) => types.includes(uid.type));
  return uids.sort((a, b) => (uidKey(a) < uidKey(b) ? -1 : 1));
}

async function withReader<T>(url: string, read: (reader: Database) => Promise<T>): Promise<T> {
  const reader = connect({
    url,
    name: 'curfew-standalone',
    poolSize: 1,
    statementTimeoutMs: 10_000,
    onConnectionLost: () => undefined, // what is being read fails then
  });
  try {
    return await read(reader);
  } finally {
    await reader.destroy();
  }
}
