import { setFlagsFromString } from 'node:v8';

/**
 * How much garbage may gather, of what lives; by itself V8 waits for two to three times as much. Of half as much collections take half as
 * long and come so often that of a hundred calls one meets one.
 */
const GARBAGE_PERCENT = 100;

/**
 * Keeps collections of garbage short in a process that answers calls. For when it has read what it answers from: until then they are too
 * many so. A flag that V8 lacks is ignored without a word; the test of this file would tell.
 */
export function steadyHeap(): void {
  // What V8 has seen live long it makes old from the start wherever the same line makes it, and keeps it, with all that hangs on it, until the
  // next full collection. Whenever a process stands still for a moment it sees that of parts of every call.
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
}
