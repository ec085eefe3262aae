/**
 * `policies/cases/*.yaml`: decisions as data, run against the policies and the folder's `directory.json`.
 *
 * ```yaml
 * cases:
 *   # A question to access/ and guardrails/. Standing first, then with the grant, as the decision service asks it.
 *   - name: an engineer reads production with a grant
 *     given:                                  # optional
 *       now: 2026-06-01T09:00:00Z             # the default
 *       grant:                                # pretend that a live grant covers the question; all fields optional
 *         workflow: prod-reads                #   and `grant: {}` pretends one, too
 *         steps: [owner]
 *         reason: "ticket OPS-1"              #   also: id, ticket, breakGlass, startsAt, expiresAt
 *       entities:                             # what the caller sends: entities of @caller types, Cedar's JSON form
 *         - uid: { type: Document, id: d1 }
 *           attrs: { owner: 'User::"ada"' }
 *           parents: [ 'Folder::"f1"' ]
 *       directory:                            # optional: entities that replace or join directory.json for this case
 *         - uid: User::"new"
 *           parents: [ 'Group::"engineering"' ]
 *     when:
 *       principal: User::"ada"                # Cedar's notation, or { type: User, id: ada }
 *       action: read                          # the id of an action, or Action::"read"
 *       resource: Database::"orders"
 *       context: { mfa: true }                # values in YAML, read as the schema's types: entities as User::"ada",
 *                                             # datetime, duration, decimal and ip as strings
 *     then:
 *       effect: allow                         # allow or deny; required
 *       policies: [jit]                       # optional: exactly these determine the answer, in any order
 *       through: grant                        # optional: standing or grant
 *       errors: [some-policy]                 # default: none; policies that err
 *
 *   # A question about a Curfew action; `request` gives context.request where the action has one.
 *   - name: an engineer may ask to read production
 *     when:
 *       principal: User::"ada"                # request: the subject; requestFor: the requester; approve: the reviewer
 *       action: Curfew::Action::"request"     # or `request`, while no action of the domain has that id
 *       resource: Database::"orders"
 *       request:
 *         actions: [read]                     # ids, required; groups are expanded
 *         duration: 1h                        # default 1h
 *         reason: "looking at an incident"    # default "a reason"; also: id, ticket, startsAt, workflow, breakGlass, extension
 *         requester: User::"ada"              # default: the subject, or the principal
 *         subject: User::"ada"                # default: the principal of `request`, else the requester
 *     then:
 *       effect: allow
 *       workflow: prod-reads                  # optional, for `request`: the one that is used
 *       steps: [owner]                        # optional; request: what that workflow needs, `["owner:2", security]` or [];
 *                                             #           approve: the steps that the principal may fill
 * ```
 *
 * Integers are int64 and exact. Unknown keys, types and names are refused with their line.
 */
import type { Entity } from '../access/entity.ts';
import type { Engine } from './engine.ts';
import type { PolicySet } from './policy-set.ts';
import type { Problem } from './problem.ts';

/** How one case came out. */
export interface CaseResult {
  readonly name: string;
  readonly file: string;
  /** Where the case stands in its file, 1-based. */
  readonly line: number;
  readonly passed: boolean;
  /** Expected against found, a line for each difference; empty when it passed. */
  readonly differences: readonly string[];
}

/** The cases of one file: either all ran, or the file cannot be read and none did. */
export type CaseReport =
  | { readonly ok: true; readonly results: readonly CaseResult[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface CaseSubject {
  readonly policies: PolicySet;
  /** The directory. */
  readonly entities: readonly Entity[];
  /** An engine for the same policies, when there is one already. */
  readonly engine?: Engine;
}

/** Runs the cases of one YAML text; never throws for what is in it. */
export function runCases(_subject: CaseSubject, _text: string, _file: string): CaseReport {
  throw new Error('not there yet');
}
