import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseInstant } from '../../../clients/cli/parse-instant.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { type Run, runCurfew, runHere } from '../support/run-curfew.ts';

// A busy machine takes seconds for some of these.
vi.setConfig({ testTimeout: 60_000 });

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

async function curfew(who: string, ...args: readonly string[]): Promise<Run> {
  const env = {
    CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_TOKEN: await stack.issuer.token('User', who),
  };
  return await runHere(args, { env });
}

/** Runs; `told` is called with all of stderr and stdout whenever there is more. */
async function waiting(
  who: string,
  words: readonly string[],
  told: (stderr: string, stdout: string) => Promise<Run> | undefined,
): Promise<Run> {
  const env = {
    CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_TOKEN: await stack.issuer.token('User', who),
  };
  const answers: Promise<Run>[] = [];
  const run = await runCurfew(words, {
    env,
    during(child) {
      const seen = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const)
        child[stream]?.on('data', (text) => {
          seen[stream] += String(text);
          const answer = idIn(seen.stdout) === '' ? undefined : told(seen.stderr, seen.stdout);
          if (answer !== undefined) answers.push(answer);
        });
    },
  });
  await Promise.all(answers);
  return run;
}

function idIn(shown: string): string {
  return /Request (\S+)/.exec(shown)?.[1] ?? '';
}

/** Asks as ada, without waiting, and gives the id of the request and of its grant. */
async function asked(resource: string, ...options: readonly string[]) {
  const words = ['request', 'read', `Database::${resource}`, '-r', 'to see', '--no-wait', '-o', 'json'];
  const { stdout, stderr } = await curfew('ada', ...words, ...options);
  expect(stderr).toBe('');
  const { request } = JSON.parse(stdout) as { request: { id: string; items: { grantId?: string }[] } }; // proto JSON
  return { id: request.id, grantId: request.items[0]?.grantId ?? '' };
}

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

test('an extension that wants an approval waits for it', async () => {
  const words = [
    'request',
    'read',
    'Database::plain-2',
    '-d',
    '30m',
    '-r',
    'to see',
    '--no-wait',
    '-o',
    'json',
  ];
  const { request } = JSON.parse((await curfew('eve', ...words)).stdout) as { request: { id: string } }; // proto JSON
  const approved = await curfew('bob', 'review', request.id, '--approve', '-o', 'json');
  const after = JSON.parse(approved.stdout) as { request: { items: { grantId: string }[] } }; // proto JSON
  const grantId = after.request.items[0]?.grantId ?? '';
  let isAsked = false;
  const extend = ['extend', grantId, '-d', '10m', '-r', 'not done'];
  const { code, stdout, stderr } = await waiting('eve', extend, (told, shown) => {
    if (isAsked || !told.includes('waiting')) return undefined;
    isAsked = true;
    return curfew('bob', 'review', idIn(shown), '--approve');
  });
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  expect(stdout).toMatch(/extended +1 of 2/);
});

test('--watch shows votes and what the items come to while it waits', async () => {
  let votes = 0;
  const words = ['request', 'read', 'Database::pair-1', '-d', '1h', '-r', 'to see', '--watch'];
  const { code, stderr } = await waiting('ada', words, (told, shown) => {
    if (votes === 0 && told.includes('waiting')) {
      votes = 1;
      return curfew('dee', 'review', idIn(shown), '--narrow', '--duration', '10m');
    }
    if (votes === 1 && told.includes('comes to 10m')) {
      votes = 2;
      return curfew('sam', 'review', idIn(shown), '--approve');
    }
    return undefined;
  });
  expect(code).toBe(0);
  expect(stderr).toContain('security 1/2 (dee)');
  expect(stderr).toContain('APPROVE by User::"sam" for item 1');
});

test('a vote that is taken back is told to whoever waits, who waits on', async () => {
  const steps: string[] = [];
  const once = (step: string, answer: () => Promise<Run>): Promise<Run> | undefined => {
    if (steps.includes(step)) return undefined;
    steps.push(step);
    return answer();
  };
  const words = ['request', 'read', 'Database::pair-1', '-d', '20m', '-r', 'to look again'];
  const { code, stderr } = await waiting('eve', words, (told, shown) => {
    const id = idIn(shown);
    if (told.includes('APPROVE by User::"sam"')) return undefined;
    if (told.includes('taken back by'))
      return once('anew', async () => {
        await curfew('dee', 'review', id, '--approve');
        return await curfew('sam', 'review', id, '--approve');
      });
    if (told.includes('APPROVE by User::"dee"'))
      return once('take back', () => curfew('dee', 'review', id, '--take-back'));
    return told.includes('waiting')
      ? once('vote', () => curfew('dee', 'review', id, '--approve'))
      : undefined;
  });
  expect({ code, steps }).toEqual({ code: 0, steps: ['vote', 'take back', 'anew'] });
  expect(stderr).toContain('taken back by User::"dee" for item 1\n');
});

test('a request whose grant waits for its first use ends with how to begin it', async () => {
  let isAsked = false;
  const words = ['request', 'read', 'Database::claim-2', '-r', 'to see'];
  const { code, stdout } = await waiting('eve', words, (told, shown) => {
    if (isAsked || !told.includes('waiting')) return undefined;
    isAsked = true;
    return curfew('bob', 'review', idIn(shown), '--approve');
  });
  expect(code).toBe(0);
  const grantId = /item 1: grant (\S+)/.exec(stdout)?.[1] ?? 'none';
  expect(stdout).toMatch(new RegExp(`${grantId} +CLAIMABLE .*claim by `));
  expect(stdout).toMatch(new RegExp(`Next: .* activate ${grantId}\n$`));
  expect((await curfew('eve', 'activate', grantId)).stdout).toContain('ACTIVE');
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
