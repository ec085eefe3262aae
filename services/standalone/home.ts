import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The folder that `npm start` keeps everything in; readable by nobody else. */
export interface Home {
  readonly directory: string;
  path(name: string): string;
  /** Writes a secret, mode 0600. */
  writeSecret(name: string, text: string): Promise<void>;
  /** Reads what was written before, or writes what `make` gives. */
  readOrMake(name: string, make: () => Promise<string> | string): Promise<string>;
}

export async function openHome(directory: string): Promise<Home> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(directory, name);
  const writeSecret = (name: string, text: string): Promise<void> =>
    writeFile(path(name), text, { mode: 0o600 });
  return {
    directory,
    path,
    writeSecret,
    readOrMake: async (name, make) => {
      const known = await readFile(path(name), 'utf8').catch(absent);
      if (known !== undefined) return known;
      const made = await make();
      await writeSecret(name, made);
      return made;
    },
  };
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
