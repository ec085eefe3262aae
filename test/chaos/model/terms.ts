export type Step = 'owner' | 'security';
export type Group = 'staff' | 'security' | 'leads';

/** What a workflow of the model's domain says, in minutes. */
export interface Terms {
  readonly steps: readonly Step[];
  readonly max: number;
  readonly extensions: number;
  readonly uses?: number;
  /** It ends when it lay unused for so long. */
  readonly idle?: number;
  /** It begins with its first use, within so long. */
  readonly claim?: number;
  /** Security may stand in from then on. */
  readonly escalatesAfter?: number;
  /** Asked for by break-glass alone; what security owes is overdue after so long. */
  readonly reviewWithin?: number;
  /** What it gave stays when its holder leaves. */
  readonly isKept?: true;
}

/** By environment, as test/support/life has them, with the times that domain.ts sets. */
export const TERMS: Readonly<Record<string, Terms>> = {
  plain: { steps: ['owner'], max: 240, extensions: 2 },
  two: { steps: ['owner', 'security'], max: 240, extensions: 0 },
  auto: { steps: [], max: 60, extensions: 1 },
  claim: { steps: ['owner'], max: 60, extensions: 0, claim: 480 },
  counted: { steps: [], max: 60, extensions: 0, uses: 2 },
  pair: { steps: ['security', 'security'], max: 240, extensions: 0 },
  idle: { steps: [], max: 240, extensions: 0, idle: 20 },
  kept: { steps: [], max: 60, extensions: 0, isKept: true },
  escalated: { steps: ['owner'], max: 60, extensions: 0, escalatesAfter: 5 },
  glass: { steps: [], max: 30, extensions: 0, reviewWithin: 5 },
};
export const KINDS = Object.keys(TERMS);

export function termsOf({ kind }: { readonly kind: string }): Terms {
  const terms = TERMS[kind];
  if (terms === undefined) throw new Error(`no workflow is called ${kind}`);
  return terms;
}

/** Who asks for themselves. */
export const REQUESTERS = ['ada', 'eve', 'sam'] as const;
/** Asks for others of the staff. */
export const LEAD = 'lea';
export const REVIEWERS = ['bob', 'cy', 'dee', 'sam'] as const;
export const ADMIN = 'root';
export const OWNERS: readonly string[] = ['bob', 'cy'];
/** How much later than that it ends: uses are told in batches. */
export const IDLE_GRACE = 0.5;
export const PENDING_MINUTES = 24 * 60;

/** Who is where while nobody has left. */
export const HOME: Readonly<Record<string, readonly Group[]>> = {
  ada: ['staff'],
  eve: ['staff'],
  bob: [],
  cy: [],
  dee: ['security'],
  sam: ['security', 'staff'],
  [LEAD]: ['leads', 'staff'],
};
