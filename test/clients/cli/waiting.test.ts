import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { idIn, people } from '../support/people.ts';
import type { Run } from '../support/run-curfew.ts';

// A busy machine takes seconds for some of these.
vi.setConfig({ testTimeout: 120_000 });

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const { curfew, waiting } = people(() => stack);

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
