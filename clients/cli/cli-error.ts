import { type ExitCode, exitCode } from './exit-code.ts';

/** Something that a person has to put right: what was seen, what was wanted and, in `next`, what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly next: string | undefined;

  constructor(message: string, details: CliErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.exitCode = details.exitCode ?? exitCode.error;
    this.next = details.next;
  }
}

export interface CliErrorDetails {
  /** 1 unless said. */
  readonly exitCode?: ExitCode;
  /** A command to run, or a sentence. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** An argument or option that cannot be meant; nothing was sent. */
export function usageError(what: string, description: string, next?: string): CliError {
  return new CliError(`${what}: ${description}`, {
    exitCode: exitCode.usage,
    ...(next === undefined ? {} : { next }),
  });
}
