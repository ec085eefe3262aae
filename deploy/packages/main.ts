import { resolve } from 'node:path';
import { packPackages } from './pack.ts';

const tarballs = await packPackages(resolve('dist'));
for (const tarball of Object.values(tarballs)) process.stdout.write(`${tarball}\n`);
