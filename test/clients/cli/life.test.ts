import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseInstant } from '../../../clients/cli/parse-instant.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { people } from '../support/people.ts';
import { runCurfew } from '../support/run-curfew.ts';

// A busy machine takes seconds for some of these.
vi.setConfig({ testTimeout: 120_000 });

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const { curfew, asked } = people(() => stack);

test('a request with a start says when it begins, and its grant too', async () => {
  const { id } = await asked('plain-1', '--start', '+2h');
  expect((await curfew('ada', 'requests', 'show', id)).stdout).toMatch(/begins at +.* \(in 1 h 59 min\)/);
  const approved = await curfew('bob', 'review', id, '--approve');
  expect(approved.code).toBe(0);
  const { stdout } = await curfew('ada', 'grants', '--state', 'scheduled');
  expect(stdout).toMatch(/SCHEDULED .*begins at /);
});

test('the same request again is the one that is there', async () => {
  const first = await asked('plain-2');
  const again = await curfew('ada', 'request', 'read', 'Database::plain-2', '-r', 'to see', '--no-wait');
  expect(again.code).toBe(11);
  expect(again.stdout).toContain('it was asked for before');
  expect(again.stdout).toContain(first.id);
});

test('an approval narrows, and shows what it comes to', async () => {
  const { id } = await asked('plain-3', '-d', '1h');
  const narrowed = await curfew('bob', 'review', id, '--narrow', '--duration', '10m');
  expect(narrowed.stderr).toBe('');
  expect(narrowed.stdout).toContain('comes to 10m');
});

test("an approval narrows the items that are the reviewer's, and leaves the others as they were asked for", async () => {
  const words = ['request', 'read', 'Database::plain-1', '+', 'read', 'Database::pair-1', '-d', '1h'];
  const asking = await curfew('eve', ...words, '-r', 'to compare', '--no-wait', '-o', 'json');
  const { request } = JSON.parse(asking.stdout) as { request: { id: string } }; // proto JSON
  const narrowed = await curfew('bob', 'review', request.id, '--narrow', '--duration', '10m');
  expect({ code: narrowed.code, stderr: narrowed.stderr }).toEqual({ code: 0, stderr: '' });
  expect(narrowed.stdout).toContain('item 1: comes to 10m');
  expect(narrowed.stdout).not.toContain('item 2: comes to');
  const again = await curfew('bob', 'review', request.id, '--narrow', '--duration', '10m');
  expect(again.stderr).toContain('NOT_A_REVIEWER');
});

test('an approval narrows to some actions, from a later start', async () => {
  const words = ['request', 'read', 'write', 'Database::plain-3', '-r', 'to see', '--no-wait', '-o', 'json'];
  const { stdout } = await curfew('eve', ...words);
  const { request } = JSON.parse(stdout) as { request: { id: string } }; // proto JSON
  const narrowing = ['--narrow', '--actions', 'read', '--not-before', '+1h'];
  const narrowed = await curfew('bob', 'review', request.id, ...narrowing);
  expect(narrowed.stderr).toBe('');
  expect(narrowed.stdout).toMatch(/comes to read, from .* \(in 59 min\)/);
});

test('a lead asks --for somebody else, who then is the subject', async () => {
  const words = ['request', 'read', 'Database::plain-1', '--for', 'User::eve', '-r', 'new here', '--no-wait'];
  const { code, stdout } = await curfew('lea', ...words);
  expect(code).toBe(11);
  expect(stdout).toMatch(/requester +User::"lea"\n +subject +User::"eve"/);
});

test('an approval of two is taken back while the other is missing', async () => {
  const { id } = await asked('two-1');
  expect((await curfew('bob', 'review', id, '--approve')).stderr).toBe('');
  expect((await curfew('bob', 'requests', 'show', id)).stdout).toMatch(
    new RegExp(`review ${id} --take-back\n$`),
  );
  const { code, stdout, stderr } = await curfew('bob', 'review', id, '--take-back');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('APPROVE (taken back)');
});

test('a grant that waits for its first use is activated', async () => {
  const { id } = await asked('claim-1');
  await curfew('bob', 'review', id, '--approve');
  const listed = await curfew('ada', 'grants', '--state', 'claimable', '-o', 'json');
  const { grants } = JSON.parse(listed.stdout) as { grants: { id: string }[] }; // proto JSON
  const grantId = grants[0]?.id ?? '';
  const shown = await curfew('ada', 'grants', '--state', 'claimable');
  expect(shown.stdout).toMatch(new RegExp(`Next: .* activate ${grantId}\n$`));
  expect((await curfew('ada', 'grants', 'show', grantId)).stdout).toMatch(/CLAIMABLE .*claim by /);
  const { code, stdout } = await curfew('ada', 'activate', grantId);
  expect(code).toBe(0);
  expect(stdout).toContain('ACTIVE');
});

test('a grant is extended as often as its workflow says', async () => {
  const { grantId } = await asked('auto-1', '-d', '30m');
  const { code, stdout } = await curfew('ada', 'extend', grantId, '-d', '10m', '-r', 'not done');
  expect(code).toBe(0);
  expect(stdout).toMatch(/extended +1 of 1/);
});

test('a grant that is locked says so, by which lock, until when and why', async () => {
  const { grantId } = await asked('kept-1', '-d', '30m');
  const lock = await curfew(
    'dee',
    'lock',
    '--grant',
    grantId,
    '-r',
    'to look into it',
    '--for',
    '2h',
    '-o',
    'json',
  );
  const { id } = (JSON.parse(lock.stdout) as { lock: { id: string } }).lock; // proto JSON
  const { stdout } = await curfew('ada', 'grants', 'show', grantId);
  expect(stdout).toContain('ACTIVE (LOCKED)');
  expect(stdout).toMatch(
    new RegExp(`locked +by lock ${id}, until .* \\(in 1 h 59 min\\): to look into it\n`),
  );
  expect(stdout).toMatch(/Next: .* release /);
});

test('reviewers are reminded', async () => {
  const { id } = await asked('two-2');
  expect((await curfew('ada', 'requests', 'show', id)).stdout).toContain(`remind ${id}\n`);
  const { code, stderr } = await curfew('ada', 'remind', id);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('break-glass is granted at once, owed, and reviewed afterwards', async () => {
  const { id, grantId } = await asked('glass-1', '--break-glass');
  expect((await curfew('ada', 'grants', 'show', grantId)).stdout).toMatch(
    /owed review +by security, (due|OVERDUE since) /,
  );
  expect((await curfew('sam', 'owed', '--to-review')).stdout).toContain(id);
  const { code, stdout, stderr } = await curfew('sam', 'review', id, '--deny', '-m', 'nothing burned');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('reviewed afterwards: a deny ends what still runs');
});

test('grants are watched until Ctrl-C, a line for each that changed', async () => {
  const { grantId } = await asked('auto-3');
  const env = {
    CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_TOKEN: await stack.issuer.token('User', 'ada'),
  };
  const { code, stdout } = await runCurfew(['grants', '--mine', '--watch'], {
    env,
    during: (child) => child.stdout?.once('data', () => child.kill('SIGINT')),
  });
  expect(code).toBe(0);
  expect(stdout).toContain(grantId);
});

test('completion knows commands, options and choices', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await curfew('ada', 'completion', shell);
    expect(code).toBe(0);
    expect(stdout).toContain('/grants/show');
    expect(stdout).toContain('--break-glass');
    expect(stdout).toContain('table json');
  }
});

test('everything is revoked only when --yes says so', async () => {
  const refused = await curfew('dee', 'revoke', '--all', '-r', 'an intruder');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('wanted --yes');
  await asked('auto-2');
  const { code, stdout } = await curfew('dee', 'revoke', '--workflow', 'auto', '-r', 'not needed');
  expect(code).toBe(0);
  expect(stdout).toContain('REVOKED');
  await asked('auto-2');
  const everything = await curfew('dee', 'revoke', '--all', '--yes', '-r', 'an intruder');
  expect(everything.stdout).toContain('Database::"auto-2"');
  expect((await curfew('ada', 'grants', '--mine', '--state', 'active')).stdout).toContain('no grants');
});

test('--start reads HH:MM as today, in local time', () => {
  const now = new Date(2026, 2, 4, 9, 0);
  expect(parseInstant('14:30', '--start', now)).toEqual(new Date(2026, 2, 4, 14, 30));
  expect(() => parseInstant('08:59', '--start', now)).toThrow('which is past');
  expect(() => parseInstant('24:00', '--start', now)).toThrow('--start: seen "24:00"');
});

test.each([
  [['request', 'read', 'Database::plain-1', '--start', '2020-01-01T00:00Z'], 'which is past'],
  [['request', 'read', 'Database::plain-1', '--start', '2030-01-01T00:00'], '--start: seen'],
  [['request', 'read', 'Database::a', '--for', 'User::a', '--subject', 'User::a'], '--for and --subject'],
  [
    ['request', 'read', 'Database::plain-1', '--watch', '--no-wait'],
    '--watch: seen with --no-wait or --preview',
  ],
  [
    ['request', 'read', 'Database::plain-1', '--watch', '--preview'],
    '--watch: seen with --no-wait or --preview',
  ],
  [['grants', '--watch', '-o', 'json'], '--watch: seen with -o json, wanted a table'],
  [['review', '0b1f', '--narrow'], '--narrow: wanted together with'],
  [['review', '0b1f', '--approve', '--duration', '1h'], '--narrow: wanted together with'],
])('%j is a usage error', async (args, message) => {
  const { code, stderr } = await curfew('ada', ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
});
