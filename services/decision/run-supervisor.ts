import { openFrontDoor } from '../../core/rpc/front-door.ts';
import { createHealthServer } from '../../core/runtime/http.ts';
import type { Service } from '../../core/runtime/shutdown.ts';
import { openMetrics } from '../../core/runtime/telemetry/metrics.ts';
import { mergePages } from '../../core/runtime/workers/merge-pages.ts';
import { Supervisor } from '../../core/runtime/workers/supervise.ts';
import type { DecisionConfig } from './config.ts';

/**
 * Keeps several decision services running behind one port and one page of probes and metrics. It answers no call itself.
 * @param main the file that the workers run
 * @throws Error when an address cannot be listened on
 */
export async function runSupervisor(running: Service, config: DecisionConfig, main: string): Promise<void> {
  const { logger } = running;
  const { count } = config.workers;
  const { meter, page, ...metrics } = await openMetrics('curfew-decision');
  running.onClose('the metrics', () => metrics.close());
  const restarts = meter.createCounter('curfew_worker_restarts_total', {
    description: 'Workers that ended by themselves and were started again',
  });
  restarts.add(0);
  const supervisor = new Supervisor({
    main,
    count,
    logger,
    onGiveUp: running.fail,
    onRestart: () => restarts.add(1),
  });
  const probes = createHealthServer({
    isReady: () => supervisor.workers.some((worker) => worker.isServing),
    metricsPage: async () => `${await workersPage(supervisor)}\n${await page()}`,
  });
  running.onClose('probes', () => probes.close()); // after the workers: probes are answered while they drain
  running.onClose('the workers', () => supervisor.stop());
  running.onDrain(() => {
    probes.stopServing();
    supervisor.stopServing();
  });
  meter
    .createObservableGauge('curfew_workers', { description: 'Workers that permit anything at all' })
    .addCallback((result) => result.observe(supervisor.workers.filter(({ isServing }) => isServing).length));
  const httpPort = await probes.listen(config.listen.httpAddress);
  await supervisor.started;
  const { address } = config.listen;
  const door = await openFrontDoor(address, {
    workers: () => supervisor.workers,
    tls: config.tls.files,
    logger,
  });
  running.onClose('the port', () => door.close());
  logger.info({ port: door.port, httpPort, workers: count }, 'the decision service listens');
}

async function workersPage({ workers }: Supervisor): Promise<string> {
  const pages = await Promise.all(
    workers
      .filter(({ isTaking }) => isTaking)
      .map(async (worker) => ({ worker: worker.number, text: await worker.page() })),
  );
  return mergePages(pages.flatMap(({ worker, text }) => (text === undefined ? [] : [{ worker, text }])));
}
