import { PLAIN_TERMS } from '../../core/access/grant.ts';
import { DEFAULT_TERMS } from '../../core/access/workflow.ts';

/** What every grant has besides its own: it began with its approval, nobody had to agree, and nothing limits it but its end. */
export const plainStart = {
  state: 'ACTIVE',
  durationMs: 3_600_000,
  terms: PLAIN_TERMS,
  seats: [],
  approvers: [],
} as const;

/** The same of one that is kept, and not only told of. */
export const plainGrant = {
  ...plainStart,
  extensions: 0,
  usesLeft: undefined,
  lastUsedAt: undefined,
} as const;

/** What workflows say that do not speak of it. */
export const plainWorkflow = { ...DEFAULT_TERMS, claimMs: DEFAULT_TERMS.pendingMs };
