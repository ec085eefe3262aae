import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Worker threads and child processes run the TypeScript as it is; what was compiled once is kept for all of them.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url));

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**'],
    globalSetup: ['test/support/global-setup.ts'],
    // A process per file: wasm instances and module caches are a file's own, and a crash ends one file only.
    pool: 'forks',
    // Cedar's WebAssembly is optimized on other threads as soon as it is used a little; a test file ends before that pays.
    execArgv: ['--wasm-tiering-budget=200000000'],
    // Two cores; the third uses what tests leave idle while they wait for time and processes.
    maxWorkers: 3,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: ['default'],
  },
});
