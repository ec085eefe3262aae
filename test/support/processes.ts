import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createCurfew, type Curfew } from '../../clients/sdk/index.ts';
import { createIssuer, type TestIssuer } from './issuer.ts';
import { createDatabase, type TestDatabase } from './postgres.ts';
import { OFFICE } from './stack.ts';
import { untilServing } from './until-serving.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One service in a process of its own, preloaded as `npm start` does. */
export interface ServiceProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly httpPort: number;
  /** Every line it has written. */
  readonly lines: readonly string[];
  metrics(): Promise<string>;
  /** Sends SIGTERM and hands back the exit code. */
  stop(): Promise<number | null>;
}

/** Both services as processes on a database of their own; the small office is in force. */
export interface Processes extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly issuer: TestIssuer;
  readonly grant: ServiceProcess;
  readonly decision: ServiceProcess;
  /** A client in the test's own process. */
  as(id: string, type?: string): Promise<Curfew>;
}

/** @param env beside what a service needs; nothing of the test's own environment but PATH is passed on */
export async function startProcesses(
  env: Readonly<Record<string, string>> = {},
  policies: string = OFFICE,
): Promise<Processes> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await createDatabase());
  const issuer = opened.use(await createIssuer());
  const { keys, issuer: name } = issuer.issuer;
  const common = {
    PATH: process.env['PATH'] ?? '',
    NODE_COMPILE_CACHE: `${ROOT}/node_modules/.cache/curfew-test`,
    CURFEW_OIDC_ISSUER: name,
    CURFEW_OIDC_JWKS: keys.kind === 'file' ? keys.path : '',
    CURFEW_OIDC_TYPE_CLAIM: 'entity_type',
    ...env,
  };
  const start = async (service: 'grant' | 'decision', own: Readonly<Record<string, string>>) => {
    const started = await startService(service, {
      ...common,
      [`CURFEW_${service.toUpperCase()}_LISTEN`]: '127.0.0.1:0',
      [`CURFEW_${service.toUpperCase()}_HTTP_LISTEN`]: '127.0.0.1:0',
      ...own,
    });
    opened.defer(async () => void (await started.stop()));
    return started;
  };
  const [grant, decision] = await Promise.all([
    start('grant', { CURFEW_DATABASE_URL: database.grantUrl, CURFEW_POLICIES: policies }),
    start('decision', { CURFEW_DATABASE_URL: database.decisionUrl }),
  ]);
  await isReady(decision);
  const rest = opened.move();
  return {
    database,
    issuer,
    grant,
    decision,
    as: async (id, type = 'User') => {
      const client = createCurfew({
        decisionAddress: `127.0.0.1:${decision.port}`,
        grantAddress: `127.0.0.1:${grant.port}`,
        token: await issuer.token(type, id),
        authorizeTimeoutMs: 10_000,
      });
      rest.defer(() => client.close());
      return client;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** Starts a service and waits until it listens. @throws Error with what it wrote, when it ends first */
export async function startService(
  service: string,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const preload = `${ROOT}/core/runtime/telemetry/preload.ts`;
  const child = spawn(process.execPath, ['--import', preload, `${ROOT}/services/${service}/main.ts`], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>; // as Node documents it
  const lines: string[] = [];
  const listening = Promise.withResolvers<{ readonly port: number; readonly httpPort: number }>();
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      const match = /"port":(\d+),"httpPort":(\d+)/.exec(line);
      if (match !== null) listening.resolve({ port: Number(match[1]), httpPort: Number(match[2]) });
    });
  }
  void exited.then(([code]) =>
    listening.reject(new Error(`${service} ended with ${code}:\n${lines.join('\n')}`)),
  );
  const ports = await listening.promise;
  return {
    child,
    ...ports,
    lines,
    metrics: async () => await (await fetch(`http://127.0.0.1:${ports.httpPort}/metrics`)).text(),
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}

async function isReady({ child, httpPort, lines }: ServiceProcess): Promise<void> {
  await untilServing(`http://127.0.0.1:${httpPort}/readyz`, async () =>
    child.exitCode === null ? undefined : lines.join('\n'),
  );
}
