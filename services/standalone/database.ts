import { startPostgres } from '../../deploy/local/postgres.ts';
import { type DatabaseTls, databaseUrlProblem } from '../../core/runtime/database-url.ts';
import { type Role, ROLES } from '../../core/store/migrate.ts';
import { type Home, newPassword } from './home.ts';

/** A database for `npm start`: our own Postgres, or the one given. */
export interface StandaloneDatabase {
  readonly ownerUrl: string;
  readonly passwords: Readonly<Record<Role, string>>;
  urlOf(role: Role): string;
  stop(): Promise<void>;
}

/**
 * What is wanted instead of an owner's URL; undefined when it is good. Services sign in with the same URL under names of their own,
 * so the name must stand where theirs replaces it: pg lets the parameters win, and a URL without a host takes no name at all.
 */
export function ownerUrlProblem(text: string, tls: DatabaseTls = {}): string | undefined {
  const problem = databaseUrlProblem(text, tls);
  if (problem !== undefined) return problem;
  const url = new URL(text);
  if (url.hostname === '') return 'a URL with a host, such as postgres://user:password@localhost/curfew';
  return url.searchParams.has('user') || url.searchParams.has('password')
    ? 'user and password before the host (postgres://user:password@host/curfew), not as parameters'
    : undefined;
}

/** @param given signs in as somebody who may create roles and tables */
export async function openDatabase(home: Home, given: string | undefined): Promise<StandaloneDatabase> {
  const passwords = await readPasswords(home);
  const server = given === undefined ? await startPostgres({ directory: home.path('postgres') }) : undefined;
  const ownerUrl = given ?? server?.url ?? '';
  return {
    ownerUrl,
    passwords,
    urlOf: (role) => {
      const url = new URL(ownerUrl);
      url.username = `curfew_${role}`;
      url.password = passwords[role];
      return url.href;
    },
    stop: async () => await server?.stop(),
  };
}

async function readPasswords(home: Home): Promise<Readonly<Record<Role, string>>> {
  const make = (): string => JSON.stringify(Object.fromEntries(ROLES.map((role) => [role, newPassword()])));
  return JSON.parse(await home.readOrMake('role-passwords.json', make)) as Record<Role, string>; // made above
}
