/** The CLI's exit codes, as its documentation lists them: written out here so that a change of meaning fails a test. */
export const EXIT_CODES = {
  ok: 0,
  error: 1,
  usage: 2,
  policyInvalid: 3,
  testsFailed: 4,
  denied: 10,
  pending: 11,
  expired: 12,
  different: 13,
} as const;
