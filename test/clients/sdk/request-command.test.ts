import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { parseAction, parseEntity } from '../../../clients/cli/entity-name.ts';
import { canCommand, cedarName, requestCommand } from '../../../clients/sdk/request-command.ts';
import type { EntityName } from '../../../clients/sdk/index.ts';

const principal = { type: 'User', id: 'ada' };

/** The words as a POSIX shell reads them. */
function wordsOf(command: string): readonly string[] {
  const out = execFileSync('sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
  return out.split('\0').slice(0, -1);
}

test('a plain question is a plain command', () => {
  const question = { principal, action: 'read', resource: { type: 'Database', id: 'orders' } };
  expect(canCommand(question)).toBe('curfew can read Database::orders');
  expect(requestCommand(question, 'prod-reads')).toBe(
    "curfew request read Database::orders --workflow prod-reads --reason 'say why'",
  );
});

describe('the command line reads back what was asked', () => {
  test.for<[string | EntityName, EntityName]>([
    ['read', { type: 'Acme::Database', id: 'orders' }],
    [
      { type: 'Acme::Action', id: 'read it' },
      { type: 'Database', id: 'a b' },
    ],
    ['read::all', { type: 'Database', id: "it's $(here) `now`" }],
    ['read', { type: 'Database', id: '"quoted" \\ and/slashed' }],
    ['read', { type: 'Database', id: 'two::parts' }],
    ['read', { type: 'Database', id: 'Zoë’s 📒' }],
    ['read', { type: 'Database', id: 'line\nbreak \u001B[31m \u202E \u0085 \u200B' }],
    ['--help', { type: 'Database', id: '' }],
  ])('%j on %j', ([action, resource]) => {
    const command = canCommand({ principal, action, resource });
    expect(command).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]+$/u);
    const [, can, readAction = '', readResource = ''] = wordsOf(command);
    expect(can).toBe('can');
    const wanted = typeof action === 'string' ? action : action.id;
    expect(parseAction(readAction, 'action').id).toBe(wanted);
    expect(readAction.startsWith('-')).toBe(false);
    if (resource.id !== '') expect(parseEntity(readResource, 'resource')).toEqual(resource);
  });
});

test('a name keeps to one line', () => {
  expect(cedarName({ type: 'User', id: 'a\nb\u2028c' })).toBe('User::"a\\nb\\u{2028}c"');
});
