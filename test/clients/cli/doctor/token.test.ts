import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../../../clients/cli/doctor/check.ts';
import { checkToken } from '../../../../clients/cli/doctor/token.ts';
import { tokensFolder } from '../../support/tokens-folder.ts';

const now = new Date('2026-11-25T12:00:00Z');
const inAnHour = now.getTime() / 1_000 + 3_600;

function tokenOf(claims: object): string {
  const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url');
  return `${part({ alg: 'ES256' })}.${part(claims)}.signature`;
}

function fileOf(token: string, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-doctor-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  writeFileSync(path, `${token}\n`);
  chmodSync(path, mode);
  return path;
}

function check(env: Readonly<Record<string, string>>, tokenFile?: string): readonly Check[] {
  const options = { output: 'table' as const, ...(tokenFile === undefined ? {} : { tokenFile }) };
  return checkToken(options, { env, cwd: '/', now: () => now });
}

const summary = (checks: readonly Check[]): readonly string[] =>
  checks.map(({ name, state }) => `${name}: ${state}`);

const good = { sub: 'ada', iss: 'https://issuer.test', aud: ['curfew', 'wiki'], exp: inAnHour };

test('a private file with a token in time is well, and whom it names is said', () => {
  const checks = check({}, fileOf(tokenOf(good), 0o600));
  expect(summary(checks)).toEqual(['token expiry: ok', 'token: ok']);
  expect(checks[1]?.seen).toBe('it names "ada", of issuer "https://issuer.test", for ["curfew","wiki"]');
});

test('when and how its subject signed in is said where the token says it', () => {
  const token = tokenOf({ ...good, auth_time: inAnHour - 3_600, amr: ['pwd', 'otp'] });
  expect(check({ CURFEW_TOKEN: token })[1]?.seen).toMatch(
    /, signed in at 2026-11-25T12:00:00.000Z, by \["pwd","otp"\]$/,
  );
});

test.each([0o640, 0o604])('a file of mode %o is a warning with the command that closes it', (mode) => {
  const path = fileOf(tokenOf(good), mode);
  const [file] = check({ CURFEW_TOKEN_FILE: path });
  expect(file).toMatchObject({ name: 'token file', state: 'warning', next: `chmod 600 ${path}` });
});

test.each([
  [{ ...good, exp: inAnHour - 3_601 }, {}, ['token expiry: failure', 'token: ok']],
  [{ ...good, exp: inAnHour - 3_500 }, {}, ['token expiry: warning', 'token: ok']],
  [{ ...good, exp: undefined }, {}, ['token expiry: failure', 'token: ok']],
  [
    good,
    { CURFEW_OIDC_ISSUER: 'https://issuer.test', CURFEW_OIDC_AUDIENCE: 'curfew' },
    ['token expiry: ok', 'token: ok'],
  ],
  [good, { CURFEW_OIDC_ISSUER: 'https://other.test' }, ['token expiry: ok', 'token: failure', 'token: ok']],
  [good, { CURFEW_OIDC_AUDIENCE: 'other' }, ['token expiry: ok', 'token: failure', 'token: ok']],
])('%j where %j is configured', (claims, env, expected) => {
  expect(summary(check({ CURFEW_TOKEN: tokenOf(claims), ...env }))).toEqual(expected);
});

test.each(['hunter2', 'a.b', 'a.b.c', `a.${Buffer.from('[]').toString('base64url')}.c`])(
  '%s is no token, and is not shown',
  (token) => {
    const checks = check({ CURFEW_TOKEN: token });
    expect(summary(checks)).toEqual(['token: failure']);
    expect(JSON.stringify(checks)).not.toContain('hunter2');
  },
);

test('a file that is not there is a failure, and nobody at all is skipped', () => {
  expect(summary(check({ CURFEW_TOKEN_FILE: '/nowhere/token' }))).toEqual(['token: failure']);
  expect(summary(check({}))).toEqual(['token: skipped']);
});

test('--as takes the token of npm start, and its file is looked at', () => {
  const cwd = tokensFolder({ ada: tokenOf(good) });
  chmodSync(join(cwd, '.curfew', 'tokens.json'), 0o644);
  const checks = checkToken({ output: 'table', as: 'ada' }, { env: {}, cwd, now: () => now });
  expect(summary(checks)).toEqual(['token file: warning', 'token expiry: ok', 'token: ok']);
  const nobody = checkToken({ output: 'table', as: 'mallory' }, { env: {}, cwd, now: () => now });
  expect(summary(nobody)).toEqual(['token: failure']);
});
