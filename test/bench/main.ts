import { observing } from './observing.ts';
import { propagation } from './propagation.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = { observing, propagation };
const [name = ''] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(
    `bench: seen ${JSON.stringify(name)}, wanted one of ${Object.keys(benches).join(', ')}: npm run bench -- propagation`,
  );
  process.exitCode = 2;
} else {
  await bench();
}
