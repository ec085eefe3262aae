import { runService } from '../../core/runtime/shutdown.ts';
import { readConfig } from './config.ts';
import { startGrantService } from './service.ts';

runService('curfew-grant', async (service) => {
  await startGrantService(readConfig(process.env), service);
});
