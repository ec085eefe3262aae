import type { Service } from '../../core/runtime/shutdown.ts';
import { steadyHeap } from '../../core/runtime/steady-heap.ts';
import type { DecisionConfig } from './config.ts';
import { optionsOf } from './options.ts';
import { startDecisionService } from './service.ts';

/** Runs the service in this one process. @throws Error when it cannot start */
export async function runAlone(running: Service, config: DecisionConfig): Promise<void> {
  const { logger } = running;
  const { address, httpAddress } = config.listen;
  const service = await startDecisionService({ ...optionsOf(config, logger), address, httpAddress });
  steadyHeap();
  running.onDrain(() => service.stopServing());
  running.onClose('the decision service', () => service.close());
  logger.info({ port: service.port, httpPort: service.httpPort }, 'the decision service listens');
}
