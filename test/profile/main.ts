import { parseArgs } from 'node:util';
import { profileAuthorize } from './authorize.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    policies: { type: 'string', default: '20' },
    folder: { type: 'string', default: '.curfew/profiles' },
  },
});
const [seconds, policies] = [Number(values.seconds), Number(values.policies)];
if (positionals[0] !== 'authorize' || !(seconds > 0) || !(policies >= 3)) {
  console.error(
    'usage: npm run profile -- authorize [--seconds 10] [--policies 20] [--folder .curfew/profiles]',
  );
  process.exitCode = 2;
} else await profileAuthorize({ seconds, policies, folder: values.folder });
