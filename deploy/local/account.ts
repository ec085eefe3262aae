import { readFile, stat } from 'node:fs/promises';

/** The user that Postgres runs as; no ids when it is the one we are. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Postgres refuses to be root. Then it runs as the owner of the data that is there, or else as `nobody`.
 * @throws Error when there is no such user to become
 */
export async function chooseAccount(directory: string): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  // Elsewhere there is no /proc, through which an ordinary user reaches data below a directory closed to them.
  if (process.platform !== 'linux') {
    throw new Error('Postgres refuses to run as root: start as an ordinary user');
  }
  const { uid, gid } = await stat(directory);
  return uid === 0 ? await readNobody() : { uid, gid };
}

async function readNobody(): Promise<Account> {
  const accounts = await readFile('/etc/passwd', 'utf8');
  const found = /^nobody:[^:]*:(?<uid>\d+):(?<gid>\d+):/m.exec(accounts)?.groups;
  if (found === undefined) {
    throw new Error(
      'Postgres refuses to run as root and there is no user "nobody": start as an ordinary user',
    );
  }
  return { uid: Number(found.uid), gid: Number(found.gid) };
}
