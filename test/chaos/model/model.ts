import { ModelLocks } from './locks.ts';
import type { ModelGrant, ModelRequest, ModelVote, ModelWish } from './records.ts';
import { type Group, HOME, OWNERS, PENDING_MINUTES, type Step, type Terms, TERMS } from './terms.ts';

/** What should be, by rules of its own: nothing here is the code's. */
export class Model {
  /** Minutes since the run began. */
  now = 0;
  readonly requests: ModelRequest[] = [];
  readonly grants: ModelGrant[] = [];
  readonly members: Record<Group, Set<string>> = { staff: new Set(), security: new Set() };
  readonly locks = new ModelLocks(this.members);

  constructor() {
    for (const person of Object.keys(HOME)) this.join(person);
  }

  termsOf(of: { readonly kind: string }): Terms {
    const terms = TERMS[of.kind];
    if (terms === undefined) throw new Error(`no workflow is called ${of.kind}`);
    return terms;
  }

  /** Whether a grant waits for a start that so many minutes bring, or a lock held it back. */
  isStartDue(minutes = 0): boolean {
    return this.grants.some((it) => it.state === 'SCHEDULED' && it.startsAt <= this.now + minutes);
  }

  pass(minutes: number): void {
    this.now += minutes;
    for (const request of this.requests)
      if (request.state === 'PENDING' && this.now >= request.lapsesAt) request.state = 'EXPIRED';
    this.open();
    for (const grant of this.grants) {
      if (grant.state === 'ENDED' || this.now < grant.endsAt) continue;
      this.end(grant, grant.state === 'CLAIMABLE' ? 'UNCLAIMED' : 'EXPIRED');
    }
  }

  /** Begins what waited for its start. */
  open(): void {
    for (const grant of this.grants) {
      if (grant.state !== 'SCHEDULED' || this.now < grant.startsAt || this.now >= grant.endsAt) continue;
      if (this.locks.bars({ ...grant, grant }, this.now)) continue;
      if (this.isAgreed(grant)) grant.state = 'ACTIVE';
    }
  }

  /** Whether those who approved it may do so still: until it begins that matters, and it waits for them. Owners never leave. */
  isAgreed({ approvers }: ModelGrant): boolean {
    return approvers.every((by) => !this.locks.isLocked(by, this.now));
  }

  end(grant: ModelGrant, reason: string): void {
    grant.state = 'ENDED';
    grant.endReason = reason;
  }

  /** Who has to agree to it. */
  stepsOf({ kind, subject }: Pick<ModelWish, 'kind' | 'subject'>): readonly Step[] {
    const { steps, reviewWithin } = this.termsOf({ kind });
    const isOverdue = this.requests.some(
      (it) => it.subject === subject && it.dueAt !== undefined && it.dueAt <= this.now,
    );
    return reviewWithin !== undefined && isOverdue ? ['security'] : steps;
  }

  /** Whether anybody may have it. */
  mayAsk(wish: ModelWish): boolean {
    const { by, subject, minutes } = wish;
    const { max, isAhead } = this.termsOf(wish);
    if (this.locks.isLocked(by, this.now) || this.locks.bars({ ...wish, requester: by }, this.now))
      return false;
    if (!this.members.staff.has(subject) || minutes > max) return false;
    if (wish.startsAt !== undefined && isAhead === undefined) return false;
    const steps = this.stepsOf(wish);
    const asked = { ...wish, createdAt: this.now };
    return steps.every(
      (step) =>
        [...OWNERS, ...this.members.security].filter((it) => this.mayFill(it, step, asked)).length >=
        steps.filter((it) => it === step).length,
    );
  }

  /** The request as it begins; what nobody need approve is granted. */
  ask(id: string, wish: ModelWish, of?: ModelGrant): ModelRequest {
    const lapsesAt = Math.min(this.now + PENDING_MINUTES, (wish.startsAt ?? Infinity) + wish.minutes);
    const request: ModelRequest = {
      ...wish,
      id,
      steps: this.stepsOf(wish),
      createdAt: this.now,
      lapsesAt,
      extends: of,
      state: 'PENDING',
      votes: [],
      grant: undefined,
      dueAt: undefined,
    };
    this.requests.push(request);
    if (request.steps.length === 0) this.approve(request);
    return request;
  }

  /** Whether the person's vote for the step counts. */
  mayFill(
    by: string,
    step: Step,
    request: Pick<ModelRequest, 'by' | 'subject' | 'kind' | 'createdAt'>,
  ): boolean {
    if (by === request.by || by === request.subject || this.locks.isLocked(by, this.now)) return false;
    const isSecurity = this.members.security.has(by);
    if (step === 'security') return isSecurity;
    const { escalatesAfter = Infinity } = this.termsOf(request);
    return OWNERS.includes(by) || (isSecurity && this.now >= request.createdAt + escalatesAfter);
  }

  mayReview(by: string, request: ModelRequest): boolean {
    return request.steps.some((step) => this.mayFill(by, step, request));
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
    if (this.isFull(request)) this.approve(request);
  }

  /** Grants what everybody has agreed to without a vote; what would come to nothing waits. */
  settle(): readonly ModelRequest[] {
    const agreed = this.requests.filter((request) => {
      const { by: requester, subject, resource, extends: grant } = request;
      if (request.state !== 'PENDING' || request.steps.length === 0 || !this.isFull(request)) return false;
      if (this.locks.bars({ requester, subject, resource, grant }, this.now)) return false;
      const isIn = this.members.staff.has(subject);
      return isIn && this.comesTo(request, this.counted(request)).actions.length > 0;
    });
    for (const request of agreed) this.approve(request);
    return agreed;
  }

  isFull(request: ModelRequest): boolean {
    const votes = this.counted(request);
    // Nobody may fill steps of both names, so that counting them is enough.
    return request.steps.every(
      (step) =>
        votes.filter(({ by }) => this.mayFill(by, step, request)).length >=
        request.steps.filter((it) => it === step).length,
    );
  }

  approve(request: ModelRequest): void {
    if (!this.members.staff.has(request.subject)) {
      request.state = 'DENIED';
      return;
    }
    const { actions, minutes } = this.comesTo(request, this.counted(request));
    if (request.extends !== undefined) this.extend(request, request.extends, minutes);
    else this.grant(request, { actions: actions.toSorted(), minutes });
  }

  grant(
    request: ModelRequest,
    { actions, minutes }: { readonly actions: readonly string[]; readonly minutes: number },
  ): void {
    const { claim, uses, reviewWithin } = this.termsOf(request);
    const { kind, resource, by: requester, subject } = request;
    const startsAt = Math.max(this.now, request.startsAt ?? this.now);
    // A start that is asked for fixes the end as well.
    const mostEnd = request.startsAt === undefined ? Infinity : request.startsAt + request.minutes;
    const lasts = Math.min(minutes, mostEnd - startsAt);
    const later = startsAt > this.now ? 'SCHEDULED' : 'ACTIVE';
    request.state = 'APPROVED';
    if (reviewWithin !== undefined) request.dueAt = this.now + reviewWithin;
    request.grant = {
      id: '',
      requester,
      subject,
      kind,
      resource,
      actions,
      approvers: this.counted(request).map(({ by }) => by),
      state: claim === undefined ? later : 'CLAIMABLE',
      endReason: undefined,
      minutes: lasts,
      startsAt,
      endsAt: startsAt + (claim ?? lasts),
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

  /** Which grant is used when a use is said that was meant for this one: the one that knows it, or else the one that lives. */
  usedBy(picked: ModelGrant, useId: string): ModelGrant {
    const alike = this.grants.filter(
      (it) => it.subject === picked.subject && it.resource === picked.resource,
    );
    const knowing = alike.find((it) => it.usedIds.has(useId) && this.now < it.endsAt);
    return knowing ?? alike.find((it) => it.state !== 'ENDED') ?? picked;
  }

  /** Takes a use; whether it may. */
  use(grant: ModelGrant, useId: string): boolean {
    if (grant.usedIds.has(useId) && (grant.state === 'ACTIVE' || grant.endReason === 'EXHAUSTED'))
      return true;
    if (grant.state === 'ENDED' || grant.state === 'SCHEDULED') return false;
    if (grant.state === 'CLAIMABLE' && !this.isAgreed(grant)) return false;
    if (grant.state === 'CLAIMABLE') this.claim(grant);
    if (grant.usesLeft === undefined) return true;
    grant.usedIds.add(useId);
    grant.usesLeft -= 1;
    if (grant.usesLeft === 0) this.end(grant, 'EXHAUSTED');
    return true;
  }

  join(who: string): void {
    for (const group of HOME[who] ?? []) this.members[group].add(who);
  }

  /** Who leaves the staff is let in nowhere any more, but where the workflow says that it stays. */
  leave(who: string): void {
    for (const group of HOME[who] ?? []) this.members[group].delete(who);
    for (const grant of this.grants) {
      const isOut = grant.subject === who && grant.state !== 'ENDED' && !this.termsOf(grant).isKept;
      if (isOut && HOME[who]?.includes('staff') === true) this.end(grant, 'INELIGIBLE');
    }
  }

  /** Whether one of the person's grants permits reading without a use being taken. */
  mayRead(who: string, resource: string): boolean {
    return this.grants.some(
      (grant) =>
        grant.subject === who &&
        grant.resource === resource &&
        (grant.state === 'ACTIVE' || (grant.state === 'CLAIMABLE' && this.isAgreed(grant))) &&
        grant.actions.includes('read') &&
        !this.locks.stops({ subject: who, resource, grant }, this.now),
    );
  }
}
