import { readFileSync } from 'node:fs';
import { run } from './run.ts';
import { processTerminal } from './terminal.ts';

// A reader that has seen enough, such as head, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const { version } = manifest as { readonly version: string }; // our own file

await run(process.argv.slice(2), processTerminal(), version);
