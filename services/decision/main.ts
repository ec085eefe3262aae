import { runService } from '../../core/runtime/shutdown.ts';
import { readConfig } from './config.ts';
import { startDecisionService } from './service.ts';

runService('curfew-decision', async (running) => {
  const { logger } = running;
  const { database, listen, tls, oidc, decision, load, grantService } = readConfig(process.env);
  const service = await startDecisionService({
    databaseUrl: database.url,
    address: listen.address,
    httpAddress: listen.httpAddress,
    issuers: oidc.issuers,
    tls: tls.files,
    certificatePrefix: tls.clientPrefix,
    certificateRules: tls.clientRules,
    staleStandingMs: decision.staleStandingMs,
    maxInFlight: load.maxInFlight,
    grantService,
    logger,
  });
  running.onDrain(() => service.stopServing());
  running.onClose('the decision service', () => service.close());
  logger.info({ port: service.port, httpPort: service.httpPort }, 'the decision service listens');
});
