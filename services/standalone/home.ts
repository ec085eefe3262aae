import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The folder that `npm start` keeps everything in; readable by nobody else. */
export interface Home {
  readonly directory: string;
  path(name: string): string;
  /** Writes a secret, mode 0600, whole or not at all. */
  writeSecret(name: string, text: string): Promise<void>;
  /** Reads what was written before; undefined when nothing was. */
  read(name: string): Promise<string | undefined>;
  /** Reads what was written before, or writes what `make` gives. */
  readOrMake(name: string, make: () => Promise<string> | string): Promise<string>;
}

/** Makes the folder, or closes one that is there to everybody else. @throws Error when it cannot be made so */
export async function openHome(directory: string): Promise<Home> {
  await makePrivate(directory);
  const path = (name: string): string => join(directory, name);
  const writeSecret = (name: string, text: string): Promise<void> => replaceFile(path(name), text);
  const read = (name: string): Promise<string | undefined> => readFile(path(name), 'utf8').catch(absent);
  return {
    directory,
    path,
    writeSecret,
    read,
    readOrMake: async (name, make) => {
      const known = await read(name);
      if (known !== undefined) {
        await chmod(path(name), 0o600);
        return known;
      }
      const made = await make();
      await writeSecret(name, made);
      return made;
    },
  };
}

async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // One that was there keeps the mode it had.
    await chmod(directory, 0o700);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`CURFEW_HOME: ${why}; wanted a folder of our own`, { cause });
  }
}

/** A reader sees the old text or the new one, whenever this process is killed; a file with a wider mode is replaced, not written into. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}.new`;
  try {
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
