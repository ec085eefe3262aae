/** What the process says when it ends; scripts rely on these. */
export const exitCode = {
  ok: 0,
  error: 1,
  usage: 2,
  policyInvalid: 3,
  testsFailed: 4,
  denied: 10,
  pending: 11,
  expired: 12,
  /** The directory is not as a file says. */
  different: 13,
  /** Ctrl-C, as shells say it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
