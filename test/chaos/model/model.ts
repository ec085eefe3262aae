/** What a workflow of the model's domain says, in minutes. */
interface Terms {
  readonly steps: readonly ('owner' | 'security')[];
  readonly max: number;
  readonly extensions: number;
  readonly uses?: number;
  /** It begins with its first use, within so long. */
  readonly claim?: number;
}

/** By environment, as test/support/life has them. */
export const TERMS: Readonly<Record<string, Terms>> = {
  plain: { steps: ['owner'], max: 240, extensions: 2 },
  two: { steps: ['owner', 'security'], max: 240, extensions: 0 },
  auto: { steps: [], max: 60, extensions: 1 },
  claim: { steps: ['owner'], max: 60, extensions: 0, claim: 480 },
  counted: { steps: [], max: 60, extensions: 0, uses: 5 },
  pair: { steps: ['security', 'security'], max: 240, extensions: 0 },
};
export const KINDS = Object.keys(TERMS);
export const REQUESTERS = ['ada', 'eve'] as const;
export const REVIEWERS = ['bob', 'cy', 'dee', 'sam'] as const;
const OWNERS: readonly string[] = ['bob', 'cy'];
const PENDING_MINUTES = 24 * 60;

/** A vote that stands. */
export interface ModelVote {
  readonly by: string;
  readonly actions: readonly string[] | undefined;
  readonly minutes: number | undefined;
}

export interface ModelRequest {
  readonly id: string;
  readonly by: string;
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
  readonly minutes: number;
  readonly lapsesAt: number;
  readonly extends: ModelGrant | undefined;
  state: 'PENDING' | 'APPROVED' | 'DENIED' | 'WITHDRAWN' | 'EXPIRED';
  votes: ModelVote[];
  grant: ModelGrant | undefined;
}

export interface ModelGrant {
  /** Once it is known. */
  id: string;
  readonly subject: string;
  readonly kind: string;
  readonly resource: string;
  readonly actions: readonly string[];
  state: 'CLAIMABLE' | 'ACTIVE' | 'ENDED';
  endReason: string | undefined;
  /** How long it lasts once it runs, extensions included. */
  minutes: number;
  /** When it ends, or can be claimed no more. */
  endsAt: number;
  usesLeft: number | undefined;
  readonly usedIds: Set<string>;
  extensions: number;
}

/** What should be, by rules of its own: nothing here is the code's. */
export class Model {
  /** Minutes since the run began. */
  now = 0;
  readonly requests: ModelRequest[] = [];
  readonly grants: ModelGrant[] = [];
  readonly members: Record<'staff' | 'security', Set<string>> = {
    staff: new Set(REQUESTERS),
    security: new Set(['dee', 'sam']),
  };

  termsOf(of: { readonly kind: string }): Terms {
    const terms = TERMS[of.kind];
    if (terms === undefined) throw new Error(`no workflow is called ${of.kind}`);
    return terms;
  }

  pass(minutes: number): void {
    this.now += minutes;
    for (const request of this.requests)
      if (request.state === 'PENDING' && this.now >= request.lapsesAt) request.state = 'EXPIRED';
    for (const grant of this.grants) {
      if (grant.state === 'ENDED' || this.now < grant.endsAt) continue;
      this.end(grant, grant.state === 'CLAIMABLE' ? 'UNCLAIMED' : 'EXPIRED');
    }
  }

  end(grant: ModelGrant, reason: string): void {
    grant.state = 'ENDED';
    grant.endReason = reason;
  }

  /** The request as it begins; what nobody need approve is granted. */
  ask(
    asked: Pick<ModelRequest, 'id' | 'by' | 'kind' | 'resource' | 'actions' | 'minutes'>,
    of?: ModelGrant,
  ): ModelRequest {
    const request: ModelRequest = {
      ...asked,
      lapsesAt: this.now + PENDING_MINUTES,
      extends: of,
      state: 'PENDING',
      votes: [],
      grant: undefined,
    };
    this.requests.push(request);
    if (this.termsOf(request).steps.length === 0) this.approve(request);
    return request;
  }

  mayFill(by: string, step: 'owner' | 'security'): boolean {
    return step === 'owner' ? OWNERS.includes(by) : this.members.security.has(by);
  }

  mayReview(by: string, request: ModelRequest): boolean {
    return this.termsOf(request).steps.some((step) => this.mayFill(by, step));
  }

  /** The votes of whoever may still fill a step. */
  counted(request: ModelRequest): readonly ModelVote[] {
    return request.votes.filter(({ by }) => this.mayReview(by, request));
  }

  /** What the votes leave. */
  comesTo(
    request: ModelRequest,
    votes: readonly ModelVote[],
  ): { readonly actions: readonly string[]; readonly minutes: number } {
    return {
      actions: request.actions.filter((action) =>
        votes.every((vote) => vote.actions?.includes(action) ?? true),
      ),
      minutes: Math.min(request.minutes, ...votes.map((vote) => vote.minutes ?? request.minutes)),
    };
  }

  /** Counts the vote that was cast. */
  vote(request: ModelRequest, vote: ModelVote): void {
    request.votes.push(vote);
    const votes = this.counted(request);
    const { steps } = this.termsOf(request);
    // Nobody may fill steps of both names, so that counting them is enough.
    const isFull = steps.every(
      (step) =>
        votes.filter(({ by }) => this.mayFill(by, step)).length >= steps.filter((it) => it === step).length,
    );
    if (isFull) this.approve(request);
  }

  approve(request: ModelRequest): void {
    if (!this.members.staff.has(request.by)) {
      request.state = 'DENIED';
      return;
    }
    const { actions, minutes } = this.comesTo(request, this.counted(request));
    if (request.extends !== undefined) {
      this.extend(request, request.extends, minutes);
      return;
    }
    const { claim, uses } = this.termsOf(request);
    request.state = 'APPROVED';
    request.grant = {
      id: '',
      subject: request.by,
      kind: request.kind,
      resource: request.resource,
      actions: actions.toSorted(),
      state: claim === undefined ? 'ACTIVE' : 'CLAIMABLE',
      endReason: undefined,
      minutes,
      endsAt: this.now + (claim ?? minutes),
      usesLeft: uses,
      usedIds: new Set(),
      extensions: 0,
    };
    this.grants.push(request.grant);
  }

  extend(request: ModelRequest, grant: ModelGrant, minutes: number): void {
    const { max } = this.termsOf(grant);
    const isTooLong = grant.minutes + minutes > max * (2 + grant.extensions);
    if (grant.state !== 'ACTIVE' || isTooLong) {
      request.state = 'DENIED';
      return;
    }
    request.state = 'APPROVED';
    request.grant = grant;
    grant.extensions += 1;
    grant.minutes += minutes;
    grant.endsAt += minutes;
  }

  claim(grant: ModelGrant): void {
    grant.state = 'ACTIVE';
    grant.endsAt = this.now + grant.minutes;
  }

  /** Takes a use; whether it may. */
  use(grant: ModelGrant, useId: string): boolean {
    if (grant.usedIds.has(useId) && (grant.state === 'ACTIVE' || grant.endReason === 'EXHAUSTED'))
      return true;
    if (grant.state === 'ENDED') return false;
    if (grant.state === 'CLAIMABLE') this.claim(grant);
    if (grant.usesLeft === undefined) return true;
    grant.usedIds.add(useId);
    grant.usesLeft -= 1;
    if (grant.usesLeft === 0) this.end(grant, 'EXHAUSTED');
    return true;
  }

  /** Who leaves the staff is let in nowhere any more. */
  leave(who: string, group: 'staff' | 'security'): void {
    this.members[group].delete(who);
    if (group === 'security') return;
    for (const grant of this.grants)
      if (grant.subject === who && grant.state !== 'ENDED') this.end(grant, 'INELIGIBLE');
  }

  /** Whether one of the person's grants permits reading without a use being taken. */
  mayRead(who: string, resource: string): boolean {
    return this.grants.some(
      (grant) =>
        grant.subject === who &&
        grant.resource === resource &&
        grant.state !== 'ENDED' &&
        grant.actions.includes('read'),
    );
  }
}
