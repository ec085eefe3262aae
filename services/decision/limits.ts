/** Bytes of one message in. */
export const MESSAGE_BYTES = 1_048_576;
/** Bytes of one encoded question. */
export const QUESTION_BYTES = 65_536;
/** Questions of one batch. */
export const BATCH_QUESTIONS = 500;
/** Questions of one batch that are to be explained, which costs many times the decision. */
export const BATCH_EXPLAINED = 50;
/** Questions that are answered at once, unless the configuration says. */
export const MAX_IN_FLIGHT = 2_000;
/** How long a turn of the event loop may take while calls queue: a call may wait for one turn and through the next. */
export const TURN_MS = 8;
/** How long a queue stands before calls are refused for it: longer than one takes that a busy machine left behind. */
export const STANDING_QUEUE_MS = 250;
/** How long there is none before all are let in again. */
export const QUEUE_GONE_MS = 100;
/** Calls that a turn takes on at least. */
export const FEWEST_PER_TURN = 32;
/** A call whose caller waits no longer than this is refused. */
export const LEAST_LEFT_MS = 10;
/** How long a batch is worked on before others get their turn: a part of `TURN_MS`, for such turns are no queue. */
export const BATCH_SLICE_MS = 5;
/** How often a batch starts again because the ledger went on meanwhile; after that it gives way no more. */
export const BATCH_RESTARTS = 2;
/** Evaluations with a grant for one question: grants that policies cannot tell apart count once. */
export const GRANT_EVALUATIONS = 50;
/** Grants of one question that are found to let their holder in no more; such a grant is ended within seconds, so there are few. */
export const GRANTS_SHUT_OUT = 500;
/** Decisions that are remembered. */
export const MEMO_DECISIONS = 100_000;
/** Characters of a question that is remembered; longer ones are decided each time. */
export const MEMO_KEY_LENGTH = 1_000;
/** Bytes of a question that is known by them; longer ones are read each time. */
export const KNOWN_QUESTION_BYTES = 1_000;
/** Bytes of `use_id`. */
export const USE_ID_BYTES = 64;

/** Grants of one question whose use was refused or is another's; after so many there is no answer. */
export const REFUSED_USES = 20;
/** Grants of one subject of which one may have counted a use before: the grant service looks at no more. */
export const USES_COMPARED = 100;
/** How long the grant service may take to acknowledge a use. */
export const USE_TIMEOUT_MS = 1_000;
/** How often it is told of uses that it need not acknowledge. */
export const USE_REPORT_MS = 15_000;
/** Grants whose uses one report tells of. */
export const USES_REPORTED = 1_000;
/** Grants whose last uses are remembered. */
export const USES_REMEMBERED = 100_000;

/** S: from this age of the last good poll on no grant permits. */
export const STALENESS_BOUND_MS = 2_000;

/** How long a call waits for a revision. */
export const REVISION_WAIT_MS = 1_000;
/** How many calls wait for one at once. */
export const REVISION_WAITERS = 1_000;
/** A revision further ahead than this is of another ledger, or a mistake. */
export const REVISION_AHEAD = 1_000_000n;

/** Principals that one stream of changes names. */
export const WATCHED_PRINCIPALS = 100;
/** Entities that one change names; of more it says that everything is to be forgotten. */
export const NAMED_BY_CHANGE = 1_000;
/** Entities that wait in all for one client that takes changes slowly; of more it is told to forget everything. */
export const NAMES_WAITING = 5_000;
/** How often a stream of changes says that it goes on. */
export const HEARTBEAT_MS = 500;
/** How long a stream of changes lasts, at most: two clocks that run apart by a thousandth are within half of S by then. */
export const WATCH_AGE_MS = 900_000;
/** Streams of changes at once. */
export const WATCHES = 2_000;
/** The same of one caller. */
export const WATCHES_OF_CALLER = 500;
