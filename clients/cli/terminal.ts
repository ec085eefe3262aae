import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import type { Paint } from './columns.ts';
import type { ExitCode } from './exit-code.ts';

/** What a command has of the world beside Curfew. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The program as it was called. */
  readonly program: string;
  readonly now: () => Date;
  /** Colours, for a stdout that shows them. */
  readonly paint: Palette;
  /** Whether a person sits there who can be asked. */
  readonly isInteractive: boolean;
  /** Lines for stdout: what was asked for, and nothing else. */
  out(lines: readonly string[]): void;
  /** Lines for stdout in the place of those before; only where a person sees it. */
  readonly redraw?: (lines: readonly string[]) => void;
  /** Lines for stderr. */
  note(lines: readonly string[]): void;
  /** What the person types on one line, after the question on stderr. */
  ask(question: string): Promise<string>;
  /** Calls back on Ctrl-C, in the place of ending the process; what it gives stops that again. */
  onInterrupt(callback: () => void): () => void;
  /** The exit code for when everything is written. */
  finish(code: ExitCode): void;
}

export type Palette = Readonly<Record<'good' | 'bad' | 'waiting' | 'faint' | 'strong' | 'command', Paint>>;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  const paint =
    (format: Parameters<typeof styleText>[0]): Paint =>
    (text) =>
      styleText(format, text, { stream: stdout });
  return {
    env: process.env,
    cwd: process.cwd(),
    program: process.argv[1] ?? 'curfew',
    now: () => new Date(),
    paint: {
      good: paint('green'),
      bad: paint('red'),
      waiting: paint('yellow'),
      faint: paint('dim'),
      strong: paint('bold'),
      command: paint('cyan'),
    },
    isInteractive: stdin.isTTY && stderr.isTTY,
    out: (lines) => void stdout.write(joinLines(lines)),
    ...(stdout.isTTY ? { redraw: redrawer(stdout) } : {}),
    note: (lines) => void stderr.write(joinLines(lines)),
    async ask(question) {
      const reader = createInterface({ input: stdin, output: stderr });
      try {
        return await reader.question(question);
      } finally {
        reader.close();
      }
    },
    onInterrupt(callback) {
      process.on('SIGINT', callback);
      return () => void process.off('SIGINT', callback);
    },
    finish(code) {
      process.exitCode = code;
    },
  };
}

/** Goes up to where it began the last time, and clears from there. */
function redrawer(stdout: typeof process.stdout): (lines: readonly string[]) => void {
  let drawn = 0;
  return (lines) => {
    const fitting = lines.slice(0, Math.max(1, stdout.rows - 1));
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`;
    // Without wrapping, the rows that were drawn are as many as the lines.
    stdout.write(`${up}\u001b[0J\u001b[?7l${joinLines(fitting)}\u001b[?7h`);
    drawn = fitting.length;
  };
}

function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
