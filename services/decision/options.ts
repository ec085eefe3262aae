import type { Logger } from '../../core/runtime/log.ts';
import type { DecisionConfig } from './config.ts';
import type { DecisionOptions } from './service.ts';

/** What the service is started with, wherever its calls come in. */
export function optionsOf(config: DecisionConfig, logger: Logger): DecisionOptions {
  const { database, tls, oidc, decision, load, grantService } = config;
  return {
    databaseUrl: database.url,
    issuers: oidc.issuers,
    tls: tls.files,
    certificatePrefix: tls.clientPrefix,
    certificateRules: tls.clientRules,
    staleStandingMs: decision.staleStandingMs,
    maxInFlight: load.maxInFlight,
    grantService,
    logger,
  };
}
