import { authorize } from './authorize.ts';
import { bootstrap } from './bootstrap.ts';
import { certificates } from './certificates.ts';
import { lifecycleDirectory } from './lifecycle-directory.ts';
import { expiry } from './expiry.ts';
import { edge } from './edge.ts';
import { ledger } from './ledger.ts';
import { lifecycle } from './lifecycle.ts';
import { observing } from './observing.ts';
import { overload } from './overload.ts';
import { propagation } from './propagation.ts';
import { questionsAlone } from './questions-alone.ts';
import { recovery } from './recovery.ts';
import { restarts } from './restarts.ts';
import { revoke } from './revoke.ts';
import { transitions } from './transitions.ts';

const benches: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  authorize,
  bootstrap,
  certificates,
  directory: lifecycleDirectory,
  edge,
  expiry,
  ledger,
  lifecycle,
  observing,
  overload,
  propagation,
  questions: questionsAlone,
  recovery,
  restarts,
  revoke,
  transitions,
};
const [name = '', ...args] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(
    `bench: seen ${JSON.stringify(name)}, wanted one of ${Object.keys(benches).join(', ')}: npm run bench -- propagation`,
  );
  process.exitCode = 2;
} else {
  await bench(args);
}
