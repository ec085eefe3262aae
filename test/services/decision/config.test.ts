import { expect, it } from 'vitest';
import { readConfig } from '../../../services/decision/config.ts';

const environment = {
  CURFEW_DATABASE_URL: 'postgres://curfew_decision@127.0.0.1/curfew',
  CURFEW_OIDC_ISSUER: 'https://issuer.test',
  CURFEW_OIDC_JWKS: 'https://issuer.test/jwks',
};

it('needs a database and an issuer, and has a default for the rest', () => {
  expect(readConfig(environment)).toMatchObject({
    database: { url: environment.CURFEW_DATABASE_URL },
    listen: { address: '127.0.0.1:2200', httpAddress: '127.0.0.1:2210' },
    decision: { staleStandingMs: 60_000 },
    load: { maxInFlight: 2_000 },
    workers: { count: 1 },
  });
  expect(() => readConfig({})).toThrow(/CURFEW_DATABASE_URL: missing.*CURFEW_OIDC_ISSUER/s);
});

it.each([
  ['0', 0],
  ['0s', 0],
  ['5', 5_000],
  ['90s', 90_000],
  ['1m30s', 90_000],
  ['24h', 86_400_000],
])('CURFEW_STALE_STANDING may be %s', (text, ms) => {
  expect(readConfig({ ...environment, CURFEW_STALE_STANDING: text }).decision.staleStandingMs).toBe(ms);
});

it.each(['-1s', '25h', 'never', '1.5s', '60 s', '9999999999999999999999'])(
  'CURFEW_STALE_STANDING may not be %s: the error names it, what was seen and what is wanted',
  (text) => {
    const read = (): unknown => readConfig({ ...environment, CURFEW_STALE_STANDING: text });
    expect(read).toThrow(/CURFEW_STALE_STANDING: seen ".*", wanted whole seconds or a Cedar duration/);
  },
);

it.each(['0', '-1', '1.5', '100001', 'many'])('CURFEW_MAX_IN_FLIGHT may not be %s', (text) => {
  const read = (): unknown => readConfig({ ...environment, CURFEW_MAX_IN_FLIGHT: text });
  expect(read).toThrow(
    /CURFEW_MAX_IN_FLIGHT: seen ".*", wanted how many questions are answered at once, from 1/,
  );
});

it.each(['0', '-1', '1.5', '65', 'all'])('CURFEW_DECISION_WORKERS may not be %s', (text) => {
  const read = (): unknown => readConfig({ ...environment, CURFEW_DECISION_WORKERS: text });
  expect(read).toThrow(
    /CURFEW_DECISION_WORKERS: seen ".*", wanted how many processes answer on one port, from 1/,
  );
});
