import { readConfig } from './config.ts';
import { startStandalone } from './standalone.ts';

const closers: { readonly what: string; readonly close: () => Promise<void> }[] = [];
let isStopping = false;

async function stop(exitCode: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  for (let next = closers.pop(); next !== undefined; next = closers.pop()) {
    try {
      await next.close();
    } catch (error) {
      console.error(`cannot stop ${next.what}: ${messageOf(error)}`);
    }
  }
  process.exit(exitCode);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.on('SIGINT', () => void stop(0)); // it ends the process and cannot reject
process.on('SIGTERM', () => void stop(0)); // likewise

try {
  await startStandalone({
    config: readConfig(process.env),
    env: process.env,
    onClose: (what, close) => void closers.push({ what, close }),
    say: (text) => console.log(text),
  });
} catch (error) {
  if (!isStopping) console.error(`curfew cannot start: ${messageOf(error)}`);
  await stop(1);
}
