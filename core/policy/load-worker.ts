import { parentPort, workerData } from 'node:worker_threads';
import { examine } from './examine.ts';
import type { WorkerMessage, WorkerTask } from './load.ts';

/** The disposable thread of `loadPolicies`: reports each step before it is taken, then the result, then ends. */
function run(task: WorkerTask, send: (message: WorkerMessage) => void): void {
  const { files, skip, wasExamined } = task;
  const result = examine(files, { skip, wasExamined, onStep: (step) => send({ kind: 'step', step }) });
  send({ kind: 'result', result });
}

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only, started by loadPolicies');
run(workerData as WorkerTask, (message) => port.postMessage(message)); // loadPolicies is the only one that starts it
