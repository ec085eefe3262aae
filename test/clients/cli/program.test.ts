import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../../clients/cli/program.ts';
import { processTerminal } from '../../../clients/cli/terminal.ts';
import { runHere } from '../support/run-curfew.ts';

function commandsBelow(command: Command, words: readonly string[]): readonly (readonly string[])[] {
  return command.commands.flatMap((each) => {
    const path = [...words, each.name()];
    return [path, ...commandsBelow(each, path)];
  });
}

const commands = commandsBelow(createProgram(processTerminal(), '0.0.0'), []);

test.each(commands.map((words) => words.join(' ')))('curfew %s --help says how it is used', async (words) => {
  const { code, stdout, stderr } = await runHere([...words.split(' '), '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: curfew ${words}\\b`));
});
