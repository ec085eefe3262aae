import { certificates } from './certificates.ts';
import { propagation } from './propagation.ts';
import { restarts } from './restarts.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = { certificates, propagation, restarts };
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
