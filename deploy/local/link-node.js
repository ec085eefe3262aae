// npm 10 removes .bin/node together with the other platform's binary package, after every dependency's own
// install script; only a script of the root package comes late enough to put it back.
import { existsSync, symlinkSync } from 'node:fs';

const link = new URL('../../node_modules/.bin/node', import.meta.url);
const target = `../node-${process.platform}-${process.arch}/bin/node`;
if (existsSync(new URL(target, link)) && !existsSync(link)) symlinkSync(target, link);
