import { parentPort, workerData } from 'node:worker_threads';
import { newCedarInstance } from './cedar-instance.ts';
import { examine } from './examine.ts';
import type { WorkerMessage, WorkerTask } from './load.ts';
import { selfCheck } from './self-check/self-check.ts';

/** The disposable thread of `loadPolicies`: reports each step before it is taken, then the result, then ends. */
function run(task: WorkerTask, send: (message: WorkerMessage) => void): void {
  const { files, skip, wasExamined, askedBefore } = task;
  const cedar = newCedarInstance();
  const result = examine(files, {
    cedar,
    skip,
    wasExamined,
    onStep: (step) => send({ kind: 'step', step }),
  });
  if (!result.ok || skip.length > 0) return send({ kind: 'result', result });
  send({ kind: 'checks-itself' });
  const differences = selfCheck(result.policies, {
    cedar,
    depth: wasExamined ? 'sample' : 'whole',
    askedBefore,
  });
  if (differences.length > 0) return send({ kind: 'differs', problems: differences });
  send({ kind: 'result', result });
}

const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread only, started by loadPolicies');
run(workerData as WorkerTask, (message) => port.postMessage(message)); // loadPolicies is the only one that starts it
