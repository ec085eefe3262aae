import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCurfew, type Curfew } from '../../clients/sdk/index.ts';
import { connect, type Database } from '../../core/store/connect.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { createIssuer, type TestIssuer } from '../support/issuer.ts';
import { ROLE_PASSWORDS } from '../support/postgres-server.ts';
import { findFreePorts } from './free-ports.ts';
import { type Link, openLink } from './link.ts';
import { type PostgresProcess, startPostgresProcess } from './postgres-process.ts';
import { type ServiceProcess, startService } from './service-process.ts';

const DOMAIN = fileURLToPath(new URL('./domain', import.meta.url));
/** Two for each replica. */
const PORTS = 8;
const CALL_TIMEOUT_MS = 8_000;
const QUESTION_TIMEOUT_MS = 1_500;

/** One process of a service and its way to the database. */
export interface Replica {
  readonly name: string;
  readonly process: ServiceProcess;
  readonly link: Link;
}

export interface DecisionReplica extends Replica {
  readonly address: string;
  /** Asks this replica, as the application. */
  readonly ask: Curfew['services']['decision'];
}

/** Everything that can fail: Postgres, two grant services, two decision services, each on a way of its own to the database. */
export interface Cluster extends AsyncDisposable {
  readonly postgres: PostgresProcess;
  readonly grants: readonly [Replica, Replica];
  readonly decisions: readonly [DecisionReplica, DecisionReplica];
  /** The application's token. */
  readonly token: string;
  /** Reads the database as its owner, not by the ways that fail. */
  readonly database: Database;
  /** The domain calls as this person, through one of the grant services. */
  as(person: string, grant: number): Curfew['services'];
  /** What a client of another kind needs to call the same service as the same person. */
  passOf(person: string, grant: number): Promise<Pass>;
  /** Where logs are; left there when `keep` was called. */
  readonly directory: string;
  keep(): void;
}

export interface ClusterOptions {
  /** A policy folder; the one beside this file unless said. */
  readonly policies?: string;
  /** Whether services reach the database directly, not over links that can be broken. */
  readonly isDirect?: boolean;
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'curfew-chaos-'));
  let isKept = false;
  opened.defer(async () => {
    if (!isKept) await rm(directory, { recursive: true });
  });
  const postgres = await startPostgresProcess(join(directory, 'postgres'));
  opened.defer(() => postgres.stop());
  await migrate({ ownerUrl: postgres.url, passwords: ROLE_PASSWORDS });
  const issuer = opened.use(await createIssuer());
  const { policies = DOMAIN, isDirect = false } = options;
  const ports = await findFreePorts(PORTS);
  const setting = { opened, directory, postgres, ports, oidc: oidcOf(issuer), policies, isDirect };
  const grants = [await startReplica(setting, 'grant', 0), await startReplica(setting, 'grant', 1)] as const;
  const token = await issuer.token('Service', 'application');
  const decisions = [await startDecision(setting, token, 0), await startDecision(setting, token, 1)] as const;
  const database = connect({
    url: postgres.url,
    name: 'chaos',
    poolSize: 2,
    statementTimeoutMs: 60_000,
    onConnectionLost: () => undefined, // it is what this is about
  });
  opened.defer(() => database.destroy());
  const clients = new Clients((id) => issuer.token('User', id), grants);
  opened.defer(() => clients.close());
  const rest = opened.move();
  return {
    postgres,
    grants,
    decisions,
    token,
    database,
    directory,
    as: (person, grant) => clients.of(person, grant).services,
    passOf: (person, grant) => clients.passOf(person, grant),
    keep: () => {
      isKept = true;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

interface Setting {
  readonly opened: AsyncDisposableStack;
  readonly directory: string;
  readonly postgres: PostgresProcess;
  /** Those that no replica has taken yet. */
  readonly ports: number[];
  readonly oidc: Readonly<Record<string, string>>;
  readonly policies: string;
  readonly isDirect: boolean;
}

function oidcOf({ issuer }: TestIssuer): Readonly<Record<string, string>> {
  return {
    CURFEW_OIDC_ISSUER: issuer.issuer,
    CURFEW_OIDC_AUDIENCE: issuer.audience,
    CURFEW_OIDC_JWKS: issuer.keys.kind === 'file' ? issuer.keys.path : '',
    CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
  };
}

/** A replica and the port that it always listens on. */
interface Placed extends Replica {
  readonly port: number;
}

async function startReplica(
  { opened, directory, postgres, ports, oidc, policies, isDirect }: Setting,
  service: 'grant' | 'decision',
  index: number,
): Promise<Placed> {
  const link = await openLink(postgres.port);
  opened.defer(() => link.close());
  const url = new URL(isDirect ? postgres.url : link.through(postgres.url));
  url.username = `curfew_${service}`;
  url.password = ROLE_PASSWORDS[service];
  const [port = 0, httpPort = 0] = ports.splice(0, 2);
  const name = `${service}-${index}`;
  const upper = service.toUpperCase();
  const process = startService({
    name,
    service,
    logPath: join(directory, `${name}.log`),
    env: {
      ...oidc,
      CURFEW_DATABASE_URL: url.href,
      [`CURFEW_${upper}_LISTEN`]: `127.0.0.1:${port}`,
      [`CURFEW_${upper}_HTTP_LISTEN`]: `127.0.0.1:${httpPort}`,
      ...(service === 'grant' ? { CURFEW_POLICIES: policies } : {}),
    },
  });
  opened.defer(() => process.close());
  return { name, process, link, port };
}

async function startDecision(setting: Setting, token: string, index: number): Promise<DecisionReplica> {
  const { port, ...replica } = await startReplica(setting, 'decision', index);
  const address = `127.0.0.1:${port}`;
  const curfew = createCurfew({ decisionAddress: address, token, timeoutMs: QUESTION_TIMEOUT_MS });
  setting.opened.defer(() => curfew.close());
  return { ...replica, address, ask: curfew.services.decision };
}

/** Where somebody calls, and by which token. */
export interface Pass {
  readonly address: string;
  readonly token: string;
}

/** One client for each person and grant service. */
class Clients {
  readonly #sign: (person: string) => Promise<string>;
  readonly #grants: readonly Placed[];
  readonly #tokens = new Map<string, Promise<string>>();
  readonly #open = new Map<string, Curfew>();

  constructor(sign: (person: string) => Promise<string>, grants: readonly Placed[]) {
    this.#sign = sign;
    this.#grants = grants;
  }

  of(person: string, grant: number): Curfew {
    const key = `${person} ${grant}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const client = createCurfew({
      grantAddress: this.#addressOf(grant),
      token: () => this.#tokenOf(person),
      timeoutMs: CALL_TIMEOUT_MS,
    });
    this.#open.set(key, client);
    return client;
  }

  async passOf(person: string, grant: number): Promise<Pass> {
    return { address: this.#addressOf(grant), token: await this.#tokenOf(person) };
  }

  close(): void {
    for (const client of this.#open.values()) client.close();
  }

  #addressOf(grant: number): string {
    return `127.0.0.1:${this.#grants[grant]?.port ?? 0}`;
  }

  #tokenOf(person: string): Promise<string> {
    const token = this.#tokens.get(person) ?? this.#sign(person);
    this.#tokens.set(person, token);
    return token;
  }
}

/** Who is in the domain's directory.json. */
export const PEOPLE = {
  requesters: Array.from({ length: 8 }, (_, index) => `ada${index}`),
  owners: Array.from({ length: 4 }, (_, index) => `owner${index}`),
  security: Array.from({ length: 4 }, (_, index) => `security${index}`),
  admin: 'root',
} as const;
