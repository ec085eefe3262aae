import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts a service as a supervisor does, holding its stdin, and says its pid once it is ready. The test kills this process. */
const service = fileURLToPath(new URL('service-process.ts', import.meta.url));
const child = spawn(process.execPath, [service, 'runs'], {
  env: { ...process.env, CURFEW_EXIT_WITH_PARENT: '1' },
  stdio: ['pipe', 'pipe', 'inherit'],
});
child.stdout.once('data', () => process.stdout.write(`${child.pid}\n`));
