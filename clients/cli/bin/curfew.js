#!/usr/bin/env node
// Plain JavaScript, for this file must also run on a Node that cannot run the rest: below 22.18 there is no TypeScript, and on 20 V8
// crashes inside Cedar.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const wanted = [22, 18];

if (isNewEnough(process.versions.node)) {
  await import('../main.ts');
} else {
  const node = findNode(dirname(fileURLToPath(import.meta.url)));
  if (node === undefined || process.env.CURFEW_NODE_FOUND === node) tellToInstall();
  else runAgain(node);
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

/** The Node that a development install brings, in the nearest node_modules that has one. */
function findNode(folder) {
  const node = join(folder, 'node_modules', '.bin', 'node');
  if (existsSync(node)) return realpathSync(node);
  const parent = dirname(folder);
  return parent === folder ? undefined : findNode(parent);
}

function runAgain(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: 'inherit',
    // Should that Node be too old as well, it must not look for itself again.
    env: { ...process.env, CURFEW_NODE_FOUND: node },
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both of us.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    console.error(`error: cannot run ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function tellToInstall() {
  console.error(
    `error: curfew needs Node.js ${wanted.join('.')} or newer, this is ${process.versions.node} (${process.execPath})`,
  );
  console.error(
    'Next: install Node.js 24 from https://nodejs.org, or run npm ci in the repository, which brings one',
  );
  process.exitCode = 1;
}
