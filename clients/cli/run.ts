import { CommanderError } from 'commander';
import { commandLine } from './command-line.ts';
import { exitCode } from './exit-code.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';
import { globalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Does what the words say, and tells the terminal the exit code; never throws. */
export async function run(words: readonly string[], terminal: Terminal, version: string): Promise<void> {
  const program = createProgram(terminal, version);
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has told it; asking for help or the version is no error.
      terminal.finish(error.exitCode === 0 ? exitCode.ok : exitCode.usage);
      return;
    }
    const options = globalOptions(program);
    const report = reportError(error, {
      isJson: options.output === 'json',
      command: (...words) => commandLine(words, options, terminal),
    });
    terminal.note(report.lines);
    terminal.finish(report.exitCode);
  }
}
