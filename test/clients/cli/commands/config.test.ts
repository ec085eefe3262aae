import { describe, expect, test } from 'vitest';
import { processNames } from '../../../../core/processes/inspect-process.ts';
import { runCurfew, runHere } from '../../support/run-curfew.ts';

const env = {
  CURFEW_DATABASE_URL: 'postgres://curfew_decision:hunter2@127.0.0.1:5432/curfew',
  CURFEW_OIDC_ISSUER: 'https://issuer.test',
  CURFEW_OIDC_JWKS: 'https://issuer.test/keys',
};

describe('curfew config', () => {
  test('shows what would be in force, with sources and meanings, and no secret', async () => {
    const { code, stdout, stderr } = await runCurfew(['config', 'decision'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^VARIABLE +VALUE +FROM +MEANING\n/);
    expect(stdout).toMatch(
      /^CURFEW_DATABASE_URL +postgres:\/\/curfew_decision:\*\*\*@127\.0\.0\.1:5432\/curfew +environment +signs in/m,
    );
    expect(stdout).toMatch(/^CURFEW_STALE_STANDING +60s +default +how long/m);
    expect(stdout).toMatch(/\n\nGOOD {2}nothing is missing and nothing is wrong\n$/);
    expect(stdout).not.toContain('hunter2');
  });

  test('lists everything that is wrong and exits 1', async () => {
    const { code, stdout } = await runHere(['config', 'grant'], {
      env: { CURFEW_GRANT_LISTEN: 'here', CURFEW_LOG_LEVEL: 'loud', CURFEW_GRAND: '1' },
    });
    expect(code).toBe(1);
    expect(stdout.split('\n').filter((line) => line.startsWith('WRONG'))).toEqual([
      'WRONG  CURFEW_GRAND: unknown variable; did you mean CURFEW_DRAIN?',
      expect.stringContaining('WRONG  CURFEW_DATABASE_URL: missing, wanted a URL'),
      expect.stringContaining('WRONG  CURFEW_GRANT_LISTEN: seen "here", wanted an address'),
      expect.stringContaining('WRONG  CURFEW_OIDC_ISSUER: missing'),
      expect.stringContaining('WRONG  CURFEW_LOG_LEVEL: seen "loud", wanted one of'),
    ]);
  });

  test('with -o json it is JSON, problems and all', async () => {
    const { code, stdout } = await runHere(['config', 'migrate', '-o', 'json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      process: 'migrate',
      settings: expect.arrayContaining([
        {
          variable: 'CURFEW_OWNER_DATABASE_URL',
          from: 'unset',
          meaning: 'signs in as the owner, who may create roles (CREATEROLE) and need not be a superuser',
        },
      ]),
      problems: expect.arrayContaining([
        { variable: 'CURFEW_OWNER_DATABASE_URL', problem: expect.stringContaining('missing, wanted') },
      ]),
    });
  });

  test.each(processNames)('knows the process %s', async (name) => {
    expect((await runHere(['config', name])).stdout).toContain('CURFEW_LOG_LEVEL');
  });

  test('a process that there is not is a usage error', async () => {
    const { code, stderr } = await runHere(['config', 'gran']);
    expect(code).toBe(2);
    expect(stderr).toContain('Allowed choices are grant, decision, migrate, standalone');
  });

  test('without a process it shows what the command line itself reads, and no token', async () => {
    const good = await runHere(['config'], {
      env: { CURFEW_TOKEN: 'hunter2', CURFEW_ADDRESS: 'curfew.test' },
    });
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/^CURFEW_ADDRESS +curfew\.test +environment/m);
    expect(good.stdout).toMatch(/^CURFEW_TOKEN +\(a secret, not shown\)/m);
    const bad = await runHere(['config'], { env: { CURFEW_TOKEN: 'hunter2', CURFEW_TLS: 'maybe' } });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain('WRONG  CURFEW_TLS: seen "maybe", wanted on or off');
  });
});
