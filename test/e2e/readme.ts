import { readdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

type Tour = readonly [can: string, ask: string, list: string, approve: string, again: string, ...string[]];

/** The commands of the README's tour, as written and in order. @throws Error when there are fewer than it says */
export async function tourCommands(): Promise<Tour> {
  const [, tour = ''] = (await readReadme()).split(/^### A tour in five commands$/m);
  const [section = ''] = tour.split(/^## /m);
  const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = '']) => block);
  const [can, ask, list, approve, again, ...others] = blocks.flatMap((block) => block.trim().split('\n'));
  if (
    again === undefined ||
    can === undefined ||
    ask === undefined ||
    list === undefined ||
    approve === undefined
  )
    throw new Error(`the README's tour has ${blocks.length} blocks with fewer than five commands`);
  return [can, ask, list, approve, again, ...others];
}

/** What the README says there is: commands, word by word, and exit codes. */
export async function listed(): Promise<{
  readonly commands: readonly (readonly string[])[];
  readonly exitCodes: readonly number[];
}> {
  const readme = await readReadme();
  const [, commands = '', codes = ''] =
    /lists the rest: ([^]*?)\. Every command [^]*?Exit codes: ([^]*?)\./.exec(readme) ?? [];
  return {
    commands: [...commands.matchAll(/`([a-z ]+)`/g)].map(([, command = '']) => command.split(' ')),
    exitCodes: [...codes.matchAll(/\b(\d+) /g)].map(([, code]) => Number(code)),
  };
}

/** Makes the folder look like the repository, so that `npx curfew` runs there. */
export async function linkRepository(folder: string): Promise<void> {
  const names = (await readdir(ROOT)).filter((name) => !name.startsWith('.'));
  await Promise.all(names.map((name) => symlink(join(ROOT, name), join(folder, name))));
}

async function readReadme(): Promise<string> {
  return await readFile(join(ROOT, 'README.md'), 'utf8');
}
