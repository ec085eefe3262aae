import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { toJson } from '@bufbuild/protobuf';
import type { Command } from 'commander';
import type { Curfew } from '../sdk/index.ts';
import { commandLine } from './command-line.ts';
import { connect, type GlobalOptions } from './connect.ts';
import type { ExitCode } from './exit-code.ts';
import { printableJson } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** One command at work: Curfew to ask, and how to show what it answers. */
export interface Session {
  readonly curfew: Curfew;
  readonly terminal: Terminal;
  readonly isJson: boolean;
  /** Shows a message: as proto JSON, or as the lines given. */
  show<D extends DescMessage>(schema: D, message: MessageShape<D>, lines: () => readonly string[]): void;
  /** The lines that end a screen: a blank one and the command that is useful next. */
  next(...words: readonly string[]): readonly string[];
  /** A command as it can be pasted, by the same caller. */
  command(...words: readonly string[]): string;
}

/** Runs a command's work with a connected session and keeps its exit code for the end of the process. */
export async function inSession(
  command: Command,
  terminal: Terminal,
  work: (session: Session) => Promise<ExitCode>,
): Promise<void> {
  const options = globalOptions(command);
  const curfew = connect(options, terminal);
  try {
    terminal.finish(await work(createSession(curfew, options, terminal)));
  } finally {
    curfew.close();
  }
}

/** The options of the program, wherever on the line they were given. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>(); // program.ts declares them
}

function createSession(curfew: Curfew, options: GlobalOptions, terminal: Terminal): Session {
  const isJson = options.output === 'json';
  const command = (...words: readonly string[]) => commandLine(words, options, terminal);
  return {
    curfew,
    terminal,
    isJson,
    command,
    next: (...words) => ['', `Next: ${terminal.paint.command(command(...words))}`],
    show(schema, message, lines) {
      terminal.out(isJson ? [printableJson(toJson(schema, message))] : lines());
    },
  };
}
