import { Directory } from '../../../core/access/directory.ts';
import { parseEntities } from '../../../core/access/entity-json.ts';
import type { EventOfKind, LedgerEvent } from '../../../core/access/event.ts';
import type { PlacedEvent } from '../../../core/store/ledger.ts';
import { areSeated, mayFillAny } from './seating.ts';
import type { Violation } from './violation.ts';

/** A request of one item, and the grant it became, as the events so far make it. */
export interface Life {
  readonly requestId: string;
  readonly submitted: EventOfKind<'REQUEST_SUBMITTED'>;
  state: 'PENDING' | 'APPROVED' | 'DENIED' | 'WITHDRAWN' | 'EXPIRED';
  readonly approvals: Set<string>;
  readonly voters: Set<string>;
  /** Whether the votes are there and the grant must come with the last of them. */
  owesGrant: boolean;
  grant:
    | { readonly started: EventOfKind<'GRANT_STARTED'>; ended: EventOfKind<'GRANT_ENDED'> | undefined }
    | undefined;
}

export interface Lifecycle {
  readonly lives: ReadonlyMap<string, Life>;
  readonly violations: readonly Violation[];
}

/** Plays the ledger from its beginning by the rules of the domain, and says where it breaks them. */
export function playLedger(events: readonly PlacedEvent[]): Lifecycle {
  const player = new Player();
  for (const { revision, event } of events) player.play(revision, event);
  return player.end();
}

class Player {
  readonly #directory = new Directory();
  readonly #lives = new Map<string, Life>();
  readonly #violations: Violation[] = [];

  play(revision: bigint, event: LedgerEvent): void {
    const wrong = (invariant: string, what: string): void =>
      void this.#violations.push({ invariant, what: `revision ${revision}, ${event.kind}: ${what}` });
    if (event.kind === 'ENTITIES_APPLIED')
      for (const entity of parseEntities(event.text)) this.#directory.apply(entity);
    if (event.kind === 'REQUEST_SUBMITTED') this.#lives.set(event.requestId, lifeOf(event));
    if (!('requestId' in event) || event.kind === 'REQUEST_SUBMITTED') return;
    const life = this.#lives.get(event.requestId);
    if (life === undefined) return wrong('I11', 'no such request was submitted');
    if (life.owesGrant && event.kind !== 'GRANT_STARTED' && event.kind !== 'ITEM_DENIED')
      wrong('I11', `the votes for ${life.requestId} are there and its grant did not start`);
    life.owesGrant = false;
    this.#apply(life, event, wrong);
  }

  #apply(life: Life, event: EventOfRequest, wrong: Wrong): void {
    const { submitted } = life;
    const isPending = life.state === 'PENDING';
    switch (event.kind) {
      case 'REQUEST_REVIEWED':
        if (!isPending) wrong('I6', `a vote on a request that is ${life.state}`);
        checkVote(this.#directory, life, event, wrong);
        if (event.verdict === 'APPROVE') life.approvals.add(event.actor);
        life.owesGrant = isPending && areSeated(this.#directory, submitted, life.approvals);
        return;
      case 'GRANT_STARTED':
        if (!isPending) wrong('I4', `a grant of a request that is ${life.state}`);
        if (!areSeated(this.#directory, submitted, life.approvals))
          wrong('I5', `seats are empty: ${[...life.approvals].join(', ')}`);
        if (event.expiresAt.getTime() - event.startsAt.getTime() !== submitted.durationMs)
          wrong('I8', 'the grant lasts longer or shorter than was asked for');
        life.state = 'APPROVED';
        life.grant = { started: event, ended: undefined };
        return;
      case 'GRANT_ENDED':
        if (life.grant === undefined) return wrong('I6', 'a grant ended that never started');
        if (life.grant.ended !== undefined) wrong('I6', 'a grant ended twice');
        life.grant.ended = event;
        return;
      case 'ITEM_DENIED':
      case 'REQUEST_WITHDRAWN':
      case 'ITEM_EXPIRED':
        if (!isPending) wrong('I6', `the request is ${life.state} already`);
        life.state = OUTCOMES[event.kind];
        return;
      case 'GRANT_OPENED':
      case 'GRANT_CLAIMED':
      case 'GRANT_USED':
      case 'GRANT_EXTENDED':
      case 'REVIEW_WITHDRAWN':
      case 'REVIEWERS_REMINDED':
      case 'BREAK_GLASS_REVIEWED':
        return wrong('I11', 'nobody asked for that here');
    }
  }

  end(): Lifecycle {
    for (const life of this.#lives.values())
      if (life.owesGrant)
        this.#violations.push({
          invariant: 'I11',
          what: `the votes for ${life.requestId} are there and its grant did not start`,
        });
    return { lives: this.#lives, violations: this.#violations };
  }
}

const OUTCOMES = { ITEM_DENIED: 'DENIED', REQUEST_WITHDRAWN: 'WITHDRAWN', ITEM_EXPIRED: 'EXPIRED' } as const;

type Wrong = (invariant: string, what: string) => void;
type EventOfRequest = Exclude<
  Extract<LedgerEvent, { readonly requestId: string }>,
  { readonly kind: 'REQUEST_SUBMITTED' }
>;

function lifeOf(submitted: EventOfKind<'REQUEST_SUBMITTED'>): Life {
  return {
    requestId: submitted.requestId,
    submitted,
    state: 'PENDING',
    approvals: new Set(),
    voters: new Set(),
    owesGrant: false,
    grant: undefined,
  };
}

function checkVote(
  directory: Directory,
  { submitted, voters }: Life,
  event: EventOfKind<'REQUEST_REVIEWED'>,
  wrong: Wrong,
): void {
  const { actor } = event;
  if (actor === `User::"${submitted.requester.id}"` || actor === `User::"${submitted.subject.id}"`)
    wrong('I5', `${actor} voted on their own request`);
  if (voters.has(actor)) wrong('I4', `${actor} voted twice`);
  voters.add(actor);
  if (!mayFillAny(directory, submitted, actor)) wrong('I5', `${actor} may fill no seat at this revision`);
  if (event.requestHash !== submitted.requestHash) wrong('I7', 'a vote on another request_hash');
  const lapsesAt = submitted.items[0]?.expiresAt;
  if (lapsesAt !== undefined && event.at >= lapsesAt) wrong('I6', 'a vote after the request had lapsed');
}
