import { writeFileSync } from 'node:fs';
import { runService } from '../../../core/runtime/shutdown.ts';

/** A process that the tests start; what it does is its first argument, what it closes it writes to stdout. */
const [, , behaviour] = process.argv;
const say = (line: string): void => writeFileSync(1, `${line}\n`);

runService('test', async ({ onClose, onDrain, fail, logger }) => {
  const alive = setInterval(() => undefined, 60_000);
  onClose('first', () => say('closed first'));
  onClose('second', async () => {
    await Promise.resolve();
    say('closed second');
  });
  logger.info({ token: 'eyJ-secret', nested: { password: 'hunter2' } }, 'started');
  if (behaviour === 'fails-to-start') {
    throw new Error('no database');
  }
  if (behaviour === 'fails-to-close') {
    onClose('third', () => {
      throw new Error('stuck');
    });
  }
  if (behaviour === 'fails-later') {
    setImmediate(() => fail(new Error('lost the ledger')));
  }
  if (behaviour === 'forgets-a-promise') {
    void Promise.reject(new Error('forgotten')); // what the test is about
  }
  if (behaviour === 'drains') {
    onDrain(() => say('closed to new work'));
  }
  if (behaviour === 'hangs') {
    onClose('database', () => new Promise(() => undefined));
  }
  onClose('timer', () => clearInterval(alive));
  say('ready');
});
