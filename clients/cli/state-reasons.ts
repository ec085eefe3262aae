import type { ReasonEntry } from './reason-catalogue.ts';

/** Reasons that lie in how things stand, here or in the service. */
export const stateReasons = {
  REQUEST_NOT_PENDING: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the request is decided, withdrawn or expired',
    cause: 'Somebody was faster, or nobody answered in time; what is decided is never decided again',
    remedy: 'Look at what became of it; for access that is still needed, make a new request',
  },
  REQUEST_HASH_MISMATCH: {
    code: 'FAILED_PRECONDITION',
    meaning: 'request_hash is not that of the request; read it again before voting',
    cause: 'The vote was made for something other than the request of that id',
    remedy: 'Read the request again, look at it, and vote with the request_hash that it has',
  },
  GRANT_ENDED: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the grant has ended',
    cause: 'Its time was up, or it was released or revoked before; an ended grant stays ended',
    remedy: 'Nothing, if it was to end; for access that is still needed, make a new request',
  },
  UNANSWERABLE: {
    code: 'FAILED_PRECONDITION',
    meaning: 'nobody could fill the named step',
    cause:
      'The workflow asks for more reviewers than the approve permits and the directory have, requester and subject not counted',
    remedy:
      'Have somebody added who may fill the step, such as an owner of the resource, or the workflow changed',
  },
  REVISION_UNREACHABLE: {
    code: 'FAILED_PRECONDITION',
    meaning: 'at_least_revision is far beyond the head, or of an epoch before a restore',
    cause:
      'The revision is of another installation, or of a history that a restore of the database has cut off',
    remedy: 'Forget remembered revisions and ask without one, or with one that this ledger answered with',
  },
  POLICIES_MISSING: {
    code: 'FAILED_PRECONDITION',
    meaning: 'no policy set is in force yet',
    cause: 'The database is new and no grant service has loaded a policy folder',
    remedy:
      'Start the grant service with CURFEW_POLICIES; its log says what is wrong with the folder, as does curfew policy check',
  },
  ENTITY_DELETED: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the id was deleted and is not reused unless allow_reuse is said',
    cause:
      'Somebody else may come to bear the id of a person who left, and would inherit what policies say about it',
    remedy: 'Use another id; or say allow_reuse, if it is the same person, service or resource again',
  },
  NOTHING_LEFT: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the approvals together would leave nothing to grant',
    cause: 'A grant is what all approvals agree to, and this one agrees to nothing that the others do',
    remedy: 'Narrow it less, or deny: that says so',
  },
  NO_REVIEW: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the caller has no vote there that could be taken back',
    cause: 'Only a vote of your own on an item that is still pending can be taken back',
    remedy: 'Look at the request again; what is decided is ended by revoking its grants',
  },
  GRANT_STATE: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the grant is not in the state that this wants',
    cause: 'Only a claimable grant is activated, only an active one extended, and none used before its start',
    remedy: 'Look at where the grant stands: curfew grants show ID',
  },
  ALREADY_REVIEWED: {
    code: 'ALREADY_EXISTS',
    meaning: 'the caller has already voted on this item',
    cause: 'One person has one vote on an item',
    remedy: 'Nothing, the vote counts; while the item is pending it can be taken back, and cast anew',
  },
  IDEMPOTENCY_KEY_REUSED: {
    code: 'ALREADY_EXISTS',
    meaning: 'the idempotency key was used with another body',
    cause: 'A key stands for one call for ever; the same body gets the same answer, another body none',
    remedy: 'Use a new key for a new call, such as a random UUID',
  },
  EXTENSION_PENDING: {
    code: 'ALREADY_EXISTS',
    meaning: 'an extension of the grant is asked for already',
    cause: 'One extension of a grant is asked for at a time',
    remedy: 'Wait for that request, or withdraw it before asking for another',
  },
  CONFLICT: {
    code: 'ABORTED',
    meaning: 'somebody else changed it at the same moment; call again',
    cause:
      'Two transitions met, or the directory or the policies changed while this was being decided; nothing was written',
    remedy: 'Call again, with what you read anew if it depends on that',
  },
  STALE: {
    code: 'UNAVAILABLE',
    meaning: 'the last good poll of the ledger is too old to let a grant permit',
    cause:
      'The decision service has not heard from the database for two seconds and might not know of a revocation: it is restarting, unreachable or overloaded',
    remedy:
      'Treat it as a deny and ask again; if it lasts, see to the database: curfew status says how old the last poll is, curfew doctor what is in the way',
  },
  REVISION_NOT_REACHED: {
    code: 'UNAVAILABLE',
    meaning: 'at_least_revision did not arrive within one second',
    cause: 'This decision service is behind the ledger',
    remedy: 'Ask again; if it lasts, see why it is behind: curfew status',
  },
  DATABASE_UNAVAILABLE: {
    code: 'UNAVAILABLE',
    meaning: 'the database did not answer',
    cause: 'It is restarting, failing over, unreachable, out of connections, or took too long',
    remedy:
      'Call again, with an idempotency key for a request, for it may have been written; if it lasts: curfew doctor',
  },
  NOT_READY: {
    code: 'UNAVAILABLE',
    meaning: 'the service is starting, or bootstraps again',
    cause:
      'It is reading the directory, the grants and the policies, is shutting down, or cannot read the keys of the issuer just now',
    remedy: 'Call again in a moment; if it lasts, its log says what it waits for',
  },
  EVALUATION_FAILED: {
    code: 'UNAVAILABLE',
    meaning: 'the policy engine failed on this question',
    cause:
      'An evaluation trapped or took too long, or this service cannot load the policy set in force; there is then neither a permit nor a deny',
    remedy:
      'Treat it as a deny and ask again; the log of the service has the failure, and curfew policy check may find its cause',
  },
  USE_NOT_ACKNOWLEDGED: {
    code: 'UNAVAILABLE',
    meaning: 'the grant service did not acknowledge the use of a grant that needs it',
    cause:
      'A grant that is counted, that begins with its first use, or that may have lain unused for too long permits only when the grant service has written the use down; it is down, or the decision service was not told where it is',
    remedy:
      'Treat it as a deny and ask again with the same use_id; the decision service needs CURFEW_GRANT_ADDRESS and credentials for it',
  },
  TOO_MUCH: {
    code: 'RESOURCE_EXHAUSTED',
    meaning: 'a message, a question or a queue is over its limit',
    cause:
      'The message is too large, too many calls wait already, or too many grants cover one question; the metadata has the limit and its unit',
    remedy: 'Send less at once and call again later; release grants that are no longer needed',
  },
  TOO_MANY_OPEN: {
    code: 'RESOURCE_EXHAUSTED',
    meaning:
      'as many requests by this requester, for this subject or on this resource wait for reviewers as may',
    cause:
      'A flood of requests wears reviewers down until they approve without looking, so no more than so many wait at once; the metadata has whose they are, how many there are, and the limit',
    remedy:
      'Withdraw requests that are not needed any more, see curfew requests --mine --state pending, or wait until some are decided',
  },
  OVERLOADED: {
    code: 'RESOURCE_EXHAUSTED',
    meaning:
      'the service has too much to do to answer this call in time; call again after grpc-retry-pushback-ms',
    cause:
      'More calls come than the decision service can answer, so it refuses some at once instead of answering all of them late; the metadata has the limit that was reached',
    remedy:
      'Treat it as a deny; clients of Curfew wait as they are told and ask again within their time limit. If it lasts, run more decision services',
  },
  EXTENSION_LIMIT: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the grant has been extended as often, or lasts as long, as its workflow lets it',
    cause:
      'A workflow says with @extensions how often a grant is extended, and with @max how long each part is',
    remedy: 'Ask for access anew when the grant ends; somebody looks at it again then',
  },
  LOCK_LIFTED: {
    code: 'FAILED_PRECONDITION',
    meaning: 'the lock was lifted, or its time is up',
    cause: 'Somebody was faster, or the lock was for a limited time; what has ended stays ended',
    remedy: 'Nothing, if it was to end; look at what still holds with curfew locks',
  },
  INTERNAL: {
    code: 'INTERNAL',
    meaning: "a fault of Curfew's; the log has it",
    cause: 'Something happened that Curfew has no name for; nothing was permitted by it',
    remedy: 'Look for the error in the log of the service, and report it',
  },
} as const satisfies Readonly<Record<string, ReasonEntry>>;
