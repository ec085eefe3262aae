import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { expect, test } from 'vitest';
import type { Terminal } from '../../../clients/cli/terminal.ts';
import { watchGrants } from '../../../clients/cli/watch-grants.ts';
import { GrantSchema, GrantState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';

const plain = (text: string): string => text;
const hourMs = 3_600_000;

test('the time that is left is by the clock of the service, and drawn anew between its answers', async () => {
  const drawn: string[] = [];
  const answered: number[] = [];
  let interrupt = (): void => undefined;
  const terminal: Terminal = {
    env: {},
    cwd: '/',
    program: 'curfew',
    // This machine is an hour fast.
    now: () => new Date(Date.now() + hourMs),
    paint: { good: plain, bad: plain, waiting: plain, faint: plain, strong: plain, command: plain },
    isInteractive: true,
    out: () => undefined,
    redraw: (lines) => {
      drawn.push(lines.join('\n'));
      if (drawn.length === 4) interrupt();
    },
    note: () => undefined,
    ask: () => Promise.reject(new Error('nobody is here to be asked')),
    onInterrupt: (callback) => {
      interrupt = callback;
      return () => undefined;
    },
    finish: () => undefined,
  };
  const endMs = Date.now() + 300_000;
  const code = await watchGrants(terminal, () => {
    answered.push(drawn.length);
    const grant = create(GrantSchema, {
      id: 'g',
      state: GrantState.ACTIVE,
      expiresAt: timestampFromMs(endMs),
    });
    return Promise.resolve({ grants: [grant], now: timestampFromMs(Date.now()) });
  });
  expect(code).toBe(0);
  expect(answered).toEqual([0, 2]);
  const left = drawn.map((table) => {
    const [, minutes = '', seconds = '0'] = /in (\d+) min(?: (\d+) s)?/.exec(table) ?? [];
    return Number(minutes) * 60 + Number(seconds);
  });
  expect(left).toEqual(left.toSorted((a, b) => b - a));
  expect(left[0]).toBeLessThanOrEqual(300);
  expect(left[0]).toBeGreaterThan(left[3] ?? 0);
});
