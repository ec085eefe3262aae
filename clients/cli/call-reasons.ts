import type { ReasonEntry } from './reason-catalogue.ts';

/** Reasons that lie in the call: what it says, who makes it, what it asks about. */
export const callReasons = {
  FIELD_INVALID: {
    code: 'INVALID_ARGUMENT',
    meaning: 'a field is missing, too long, malformed or of the wrong type. BadRequest names each',
    cause: 'The call breaks a rule that its proto, the schema or the workflow states',
    remedy: 'Correct every field that the error names: each says the value seen and the value wanted',
  },
  ACTION_UNKNOWN: {
    code: 'INVALID_ARGUMENT',
    meaning: 'the schema has no such action',
    cause:
      'The action is misspelt, stands without its namespace, or the policies in force are older than the caller',
    remedy: 'Use an action of schema.cedarschema: its id, or Namespace::Action::"id"',
  },
  ACTION_TAKES_NO_GRANT: {
    code: 'INVALID_ARGUMENT',
    meaning: 'the action, or no member of the action group, declares grant?: Curfew::Grant in its context',
    cause: 'Access to this action can only stand in the policies, it cannot be requested',
    remedy:
      'Let a policy in access/ permit it, or declare grant?: Curfew::Grant in the context of the action and permit it there when the context has one',
  },
  ENTITY_TYPE_UNKNOWN: {
    code: 'INVALID_ARGUMENT',
    meaning: 'the schema has no such entity type',
    cause:
      'The type is misspelt or stands without its namespace; types are written in the case of the schema',
    remedy: 'Use a type of schema.cedarschema; the error lists some',
  },
  ENTITY_UNKNOWN: {
    code: 'INVALID_ARGUMENT',
    meaning: 'the directory has no such entity',
    cause:
      'The request names a subject or a resource that is in no directory.json and was never applied by the API, or was deleted',
    remedy: 'Check type and id, or have whoever keeps the directory add it',
  },
  WORKFLOW_UNKNOWN: {
    code: 'INVALID_ARGUMENT',
    meaning: 'no workflow of that id lets the subject in here',
    cause: 'The workflow is misspelt, does not match, or is outranked by a stricter one that does',
    remedy:
      'Leave the workflow out, so that the strictest that matches is used, or take one that the error lists',
  },
  DURATION_TOO_LONG: {
    code: 'INVALID_ARGUMENT',
    meaning: "longer than the workflow's maximum; the metadata says which",
    cause:
      'Curfew never shortens a request silently: what is asked for is granted, or refused with the limit',
    remedy: 'Ask for no longer than the limit, or name another workflow that allows more',
  },
  ENTITY_NOT_CALLERS: {
    code: 'INVALID_ARGUMENT',
    meaning: 'entities of this type belong to the directory, callers may not send them',
    cause:
      'An application sent an entity whose type is not marked @caller in the schema: it could make anybody a member of anything',
    remedy:
      'Leave the entity out, for the directory has it; or mark its type @caller, if applications own such entities',
  },
  CONTEXT_RESERVED: {
    code: 'INVALID_ARGUMENT',
    meaning: 'the caller\'s context has "grant" or "now", which only Curfew supplies',
    cause: 'A policy must be able to rely on these two, so no caller may say them',
    remedy: 'Take them out of the context, or give the fact another name',
  },
  CREDENTIALS_MISSING: {
    code: 'UNAUTHENTICATED',
    meaning: 'the call carries no token and no client certificate',
    cause: 'There is no anonymous access, not even to questions',
    remedy: 'Send the header authorization: Bearer TOKEN, or connect with a client certificate',
  },
  TOKEN_INVALID: {
    code: 'UNAUTHENTICATED',
    meaning: 'the token is malformed, forged, of another issuer or for another audience',
    cause:
      'It was made for another application, by an issuer that CURFEW_OIDC_ISSUER does not name, with a key that is no longer published, or was cut off when it was copied',
    remedy:
      'Get a new token of the configured issuer and audience; curfew doctor says what is in the one at hand and what is wanted',
  },
  TOKEN_EXPIRED: {
    code: 'UNAUTHENTICATED',
    meaning: 'the token is past its end',
    cause: 'Tokens live for a limited time; a clock that is ahead shortens it',
    remedy:
      'Get a new token; in development npm start writes new ones. If it is new, compare the clocks: curfew doctor',
  },
  CALLER_UNKNOWN: {
    code: 'UNAUTHENTICATED',
    meaning: 'the credentials are good and name nobody of the directory',
    cause:
      'The claim of CURFEW_OIDC_CLAIM, or the name in the client certificate, is no id of the directory, or one of several types',
    remedy: 'Have the person or service added to the directory, or correct which claim names the caller',
  },
  NOT_PERMITTED: {
    code: 'PERMISSION_DENIED',
    meaning: 'no policy permits the caller to do this',
    cause:
      'Every right, to revoke, to lock, to audit, to ask about others, is a permit in workflows/, and none matches',
    remedy:
      'Check who you are with curfew whoami; whoever keeps the policies can permit the Curfew action that the error names',
  },
  NOT_REQUESTABLE: {
    code: 'PERMISSION_DENIED',
    meaning: 'no workflow lets the subject request this',
    cause:
      'No request permit in workflows/ matches the subject, the actions, the resource and the terms asked for; or somebody asks for another and may not',
    remedy: 'Ask for less, or have whoever keeps the policies write a workflow that lets the subject in',
  },
  SELF_REVIEW: {
    code: 'PERMISSION_DENIED',
    meaning: 'the requester and the subject never review',
    cause: 'Whoever asks for access, or would hold it, has no say in it; no policy can change that',
    remedy: 'Let somebody else review it',
  },
  NOT_A_REVIEWER: {
    code: 'PERMISSION_DENIED',
    meaning: 'the caller fills no seat of any open item',
    cause:
      "No approve permit in workflows/ gives the caller one of the request's steps, by the directory and the policies of now",
    remedy:
      'Leave it to those whom the request waits for; curfew requests --to-review lists what you may answer',
  },
  LOCKED: {
    code: 'PERMISSION_DENIED',
    meaning: 'the caller, the subject or the resource is locked; the metadata says by which lock',
    cause:
      'Somebody stopped the person or service, another account of the person, a group of theirs, the resource, something that it is inside of, or everything; a lock wins over every policy and every grant',
    remedy: 'Ask whoever locked it: curfew locks says who and why, to those who may see the lock',
  },
  SELF_UNLOCK: {
    code: 'PERMISSION_DENIED',
    meaning:
      'nobody lifts a lock on themselves, on a group of theirs or on a grant of theirs, by whichever account',
    cause: 'Whoever is stopped has no say in when that ends; no policy can change that',
    remedy: 'Ask somebody else who may unlock; where nobody is left, whoever keeps the directory can add one',
  },
  AUTHENTICATION_INSUFFICIENT: {
    code: 'PERMISSION_DENIED',
    meaning: 'the policies let the caller review this only after a newer sign-in, or one by other methods',
    cause:
      'An approve policy reads context.auth, and the token names an older sign-in, one by other methods or none; a token that is only refreshed keeps the sign-in that it began with',
    remedy:
      'Sign in again, by the methods that the error names, and vote with the new token; curfew doctor says which sign-in a token names. Where it names none, have its issuer add auth_time and amr',
  },
  REQUEST_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'no such request, or none that the caller may see',
    cause:
      'The id is wrong, belongs to another installation, or the request is not for your eyes: the two are not told apart on purpose',
    remedy: 'Look for it with curfew requests; a reviewer sees what waits for them with --to-review',
  },
  GRANT_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'no such grant, or none that the caller may see',
    cause:
      'The id is wrong (perhaps that of the request), belongs to another installation, or the grant is not for your eyes',
    remedy: 'Look for it with curfew grants',
  },
  ENTITY_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'the directory has no such entity',
    cause: 'It was never applied, or it was deleted; ids are compared exactly',
    remedy: 'Check type and id against what the directory lists',
  },
  POLICY_SET_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'no policy set of that digest',
    cause: 'No set of that digest was ever in force here; a digest is 64 hexadecimal digits',
    remedy: 'Take a digest that the list of policy sets or the ledger names',
  },
  LOCK_NOT_FOUND: {
    code: 'NOT_FOUND',
    meaning: 'no such lock, or none that the caller may see',
    cause: 'The id is wrong, belongs to another installation, or the lock is not for your eyes',
    remedy: 'Look for it with curfew locks; --all lists those too that have ended',
  },
} as const satisfies Readonly<Record<string, ReasonEntry>>;
