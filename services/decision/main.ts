import { runService } from '../../core/runtime/shutdown.ts';
import { workerNumber } from '../../core/runtime/workers/worker-end.ts';
import { readConfig } from './config.ts';

const worker = workerNumber(process.argv);

// What only workers or only their supervisor need is loaded there.
runService('curfew-decision', async (running) => {
  const config = readConfig(process.env);
  if (worker !== undefined) await (await import('./run-worker.ts')).runWorker(running, config, worker);
  else if (config.workers.count > 1)
    await (await import('./run-supervisor.ts')).runSupervisor(running, config, process.argv[1] ?? '');
  else await (await import('./run-alone.ts')).runAlone(running, config);
});
