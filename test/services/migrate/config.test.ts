import { expect, test } from 'vitest';
import { readConfig } from '../../../services/migrate/config.ts';

const password = 'a-password-that-is-long-enough';
const good = {
  CURFEW_OWNER_DATABASE_URL: 'postgres://curfew:secret@127.0.0.1/curfew',
  CURFEW_GRANT_ROLE_PASSWORD: password,
  CURFEW_DECISION_ROLE_PASSWORD: password,
  CURFEW_NOTIFY_ROLE_PASSWORD: password,
};

test('P8 each role has a limit of its sessions, and together they fit into a PostgreSQL as it comes', () => {
  const { connections } = readConfig(good).roles;
  expect(connections).toEqual({ grant: 60, decision: 25, notify: 10 });
  expect(connections.grant + connections.decision + connections.notify).toBeLessThan(97);
});

test('another limit is taken, and one that is none is refused by name', () => {
  const taken = readConfig({ ...good, CURFEW_GRANT_ROLE_CONNECTIONS: '150' });
  expect(taken.roles.connections.grant).toBe(150);
  for (const wrong of ['0', '-1', '1.5', 'many', '10001'])
    expect(() => readConfig({ ...good, CURFEW_GRANT_ROLE_CONNECTIONS: wrong })).toThrow(
      `CURFEW_GRANT_ROLE_CONNECTIONS: seen ${JSON.stringify(wrong)}, wanted how many sessions`,
    );
});
