import { createLogger, logLevelOf } from '../../core/runtime/log.ts';
import { readConfig } from './config.ts';
import { migrate } from './migrate.ts';

const logger = createLogger('curfew-migrate', logLevelOf(process.env));
try {
  const { owner, roles } = readConfig(process.env);
  const { applied, version } = await migrate({ ownerUrl: owner.url, roles });
  logger.info(
    { applied, version },
    applied.length === 0 ? 'the schema is current' : 'the schema was brought up to date',
  );
} catch (error) {
  logger.fatal({ err: error }, error instanceof Error ? error.message : 'failed');
  process.exitCode = 1;
}
