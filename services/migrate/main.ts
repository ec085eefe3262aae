import { createLogger } from '../../core/runtime/log.ts';
import { logLevelOf } from '../../core/runtime/log-level.ts';
import { readConfig } from './config.ts';
import { migrate } from './migrate.ts';

const logger = createLogger('curfew-migrate', logLevelOf(process.env));
try {
  const { owner, roles, epoch } = readConfig(process.env);
  const { applied, version, endedGrants } = await migrate({
    ownerUrl: owner.url,
    ...roles,
    isNewEpoch: epoch.isNew,
  });
  if (epoch.isNew)
    logger.warn(
      { endedGrants },
      'the database is a history of its own now: take CURFEW_NEW_EPOCH away again',
    );
  logger.info(
    { applied, version },
    applied.length === 0 ? 'the schema is current' : 'the schema was brought up to date',
  );
} catch (error) {
  logger.fatal({ err: error }, error instanceof Error ? error.message : 'failed');
  process.exitCode = 1;
}
