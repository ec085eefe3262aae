import { existsSync } from 'node:fs';
import { openWorkerEnd, workerNumber } from '../../../../core/runtime/workers/worker-end.ts';

/** A worker that the tests start: it cannot start while there is the file that CURFEW_TEST_BROKEN and its number name. */
const number = workerNumber(process.argv);
if (existsSync(`${process.env['CURFEW_TEST_BROKEN'] ?? ''}${number}`)) process.exit(3);
const end = openWorkerEnd();
process.on('SIGINT', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
end.start({
  isServing: () => true,
  stopServing: () => undefined,
  page: async () => `# of ${number} ${process.pid}`,
});
