import type { Service } from '../../core/runtime/shutdown.ts';
import { steadyHeap } from '../../core/runtime/steady-heap.ts';
import { openWorkerEnd } from '../../core/runtime/workers/worker-end.ts';
import type { DecisionConfig } from './config.ts';
import { optionsOf } from './options.ts';
import { startDecisionWorker } from './service.ts';

/** Runs one of several processes that answer on one port. @throws Error when it cannot start */
export async function runWorker(running: Service, config: DecisionConfig, worker: number): Promise<void> {
  const logger = running.logger.child({ worker });
  const end = openWorkerEnd();
  running.onClose('the channel to the supervisor', () => end.close());
  const service = await startDecisionWorker(optionsOf(config, logger), end.connections);
  steadyHeap();
  running.onDrain(() => {
    end.leave();
    service.stopServing();
  });
  running.onClose('the decision service', () => service.close());
  end.start(service);
  logger.info(`worker ${worker} takes connections`);
}
