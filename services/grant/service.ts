import { follow } from '../../core/replica/follow.ts';
import { resolveCaller } from '../../core/replica/resolve-caller.ts';
import { createIdentify } from '../../core/rpc/identity.ts';
import { createRpcServer } from '../../core/rpc/serve.ts';
import { createHealthServer } from '../../core/runtime/http.ts';
import type { Service } from '../../core/runtime/shutdown.ts';
import { connect, type Database } from '../../core/store/connect.ts';
import { requireSchema } from '../../core/store/migrate.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { GrantService } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import type { GrantConfig } from './config.ts';
import type { GrantContext } from './context.ts';
import { directoryRoutes } from './directory-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { ledgerRoutes } from './ledger-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { watchPolicies } from './watch-policies.ts';

const POOL = 20;
const REVOKE_POOL = 2;
const STATEMENT_TIMEOUT_MS = 5_000;

/** Starts the grant service: follows the ledger, puts the policy folder in force, then serves. Returns the port of the API. */
export async function startGrantService(config: GrantConfig, service: Service): Promise<number> {
  const { logger } = service;
  const open = (name: string, poolSize: number): Database => {
    const database = connect({
      url: config.database.url,
      name,
      poolSize,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      onConnectionLost: (error) => logger.warn({ err: error }, 'a database connection was lost'),
    });
    service.onClose(name, () => database.destroy());
    return database;
  };
  const database = open('curfew-grant', POOL);
  await requireSchema(database);
  const followed = follow({ databaseUrl: config.database.url, name: 'curfew-grant-feed', log: logger });
  service.onClose('the feed', () => followed.close());
  const context: GrantContext = {
    database,
    revokeDatabase: open('curfew-grant-revoke', REVOKE_POOL),
    followed,
  };
  if (config.policies.folder !== undefined) {
    const watch = await watchPolicies(context, config.policies.folder, logger);
    service.onClose('the policy folder', () => watch.close());
  }
  return await serve(config, service, context);
}

async function serve(config: GrantConfig, service: Service, context: GrantContext): Promise<number> {
  const { replica, follower } = context.followed;
  const server = createRpcServer({
    routes: [grantRoutes(context), directoryRoutes(context), ledgerRoutes(context), policyRoutes(context)],
    identify: createIdentify({
      issuers: config.oidc.issuers,
      resolveCaller: (name) => resolveCaller(replica, name),
      certificatePrefix: config.tls.clientPrefix,
    }),
    logger: service.logger,
    tls: config.tls.files,
  });
  service.onClose('the gRPC server', () => server.close());
  const isReady = (): boolean => follower.revision !== undefined && replica.policies.kind === 'ready';
  const health = createHealthServer(isReady);
  service.onClose('the health server', () => health.close());
  await health.listen(config.listen.httpAddress);
  const port = await server.listen(config.listen.address);
  const tellHealth = (): void => {
    for (const { typeName } of [GrantService, DirectoryService, LedgerService, PolicyService])
      server.setServing(typeName, isReady());
    server.setServing('', isReady());
  };
  tellHealth();
  const telling = setInterval(tellHealth, HEALTH_MS);
  service.onClose('the health watch', () => clearInterval(telling));
  service.logger.info({ address: config.listen.address, port }, 'grant service listens');
  return port;
}

const HEALTH_MS = 250;
