import { startPostgres } from '../../../deploy/local/postgres.ts';

const [, , directory = ''] = process.argv;
const { url } = await startPostgres({ directory });
process.stdout.write(`${url}\n`);
