import { startPostgres } from '../../deploy/local/postgres.ts';
import { type Role, ROLES } from '../../core/store/migrate.ts';
import { type Home, newPassword } from './home.ts';

/** A database for `npm start`: our own Postgres, or the one given. */
export interface StandaloneDatabase {
  readonly ownerUrl: string;
  readonly passwords: Readonly<Record<Role, string>>;
  urlOf(role: Role): string;
  stop(): Promise<void>;
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
