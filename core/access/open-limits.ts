/** Whose requests are counted. */
export type OpenParty = 'requester' | 'subject' | 'resource';

/**
 * The most requests that may wait for reviewers at once: so many that nobody meets them who wants access, and so few that reviewers are
 * not worn down by one who floods them.
 */
export const MOST_OPEN: Readonly<Record<OpenParty, number>> = {
  requester: 100,
  subject: 200,
  resource: 1_000,
};
