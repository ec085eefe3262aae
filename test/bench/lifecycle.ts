import { startCompany } from './lifecycle-company.ts';
import { lists } from './lifecycle-lists.ts';
import { preview } from './lifecycle-preview.ts';

/** Each part alone: `npm run bench -- lifecycle lists`. */
const parts = { preview, lists } as const;

/** How long people wait for what they see while they ask for access and decide on it. */
export async function lifecycle(): Promise<void> {
  const [, , , only] = process.argv;
  await using cluster = await startCompany();
  for (const [name, part] of Object.entries(parts))
    if (only === undefined || only === name) await part(cluster);
}
