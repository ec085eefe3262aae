import { runService } from '../../core/runtime/shutdown.ts';
import { readConfig } from './config.ts';
import { startGrantService } from './service.ts';

runService('curfew-grant', async (running) => {
  const { logger } = running;
  const { database, listen, tls, oidc, policies, jobs } = readConfig(process.env);
  const service = await startGrantService({
    databaseUrl: database.url,
    address: listen.address,
    httpAddress: listen.httpAddress,
    issuers: oidc.issuers,
    tls: tls.files,
    certificatePrefix: tls.clientPrefix,
    certificateRules: tls.clientRules,
    policyFolder: policies.folder,
    hasJobs: jobs.isOn,
    logger,
  });
  running.onDrain(() => service.stopServing());
  running.onClose('the grant service', () => service.close());
  logger.info({ port: service.port, httpPort: service.httpPort }, 'the grant service listens');
});
