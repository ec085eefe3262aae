import type { WorkerProcess } from './worker-process.ts';

type Choosable = Pick<WorkerProcess, 'isTaking' | 'isServing' | 'connections'>;

/**
 * Who is given the next connection: of those that serve, or else of those that at least take connections, the one that has the fewest.
 * gRPC clients keep a connection for an hour, so taking turns would leave a worker that was started again with next to nothing.
 */
export function chooseWorker<W extends Choosable>(workers: readonly W[]): W | undefined {
  const serving = workers.filter((worker) => worker.isServing);
  const among = serving.length > 0 ? serving : workers.filter((worker) => worker.isTaking);
  return among.reduce<W | undefined>(
    (fewest, worker) => (fewest === undefined || worker.connections < fewest.connections ? worker : fewest),
    undefined,
  );
}
