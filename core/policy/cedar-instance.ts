import { createRequire } from 'node:module';
import type * as Cedar from '@cedar-policy/cedar-wasm/nodejs';

/** The functions of one private cedar-wasm instance. */
export type CedarInstance = typeof Cedar;

/**
 * Makes a cedar-wasm instance that shares no memory with any other (10 to 25 ms). The package makes one instance each time it
 * is evaluated, so it is evaluated again; a `require` of its own keeps dropped instances from being held as its children.
 */
export function newCedarInstance(): CedarInstance {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@cedar-policy/cedar-wasm/nodejs');
  const kept = require.cache[entry];
  delete require.cache[entry];
  try {
    return require(entry) as CedarInstance; // the package's own types describe this entry
  } finally {
    if (kept === undefined) delete require.cache[entry];
    else require.cache[entry] = kept;
  }
}

/** Whether the instance is dead for good: wasm trapped, or ran out of the stack that its throws leak. */
export function isTrap(error: unknown): boolean {
  return error instanceof Error && (error.name === 'RuntimeError' || error.name === 'RangeError');
}
