import type { Entity } from '../../../core/access/entity.ts';
import { parseEntities } from '../../../core/access/entity-json.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import { examine } from '../../../core/policy/examine.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { formatProblem, type Problem } from '../../../core/policy/problem.ts';

/** A small domain that uses every kind of type, with the design's own examples of policies. */
export const SCHEMA = `entity Group in [Group];
entity User in [Group] { manager?: User, level: Long, clearances: Set<String>, home: { city: String, zip?: Long } } tags String;
entity Service in [Group];
entity Environment;
entity Color enum ["red", "green"];
entity Database in [Environment] { classification: String, owners: Set<User>, budget?: decimal, net?: ipaddr, color?: Color } tags User;
@caller
entity Document { owner: User };
action read, write in [rw] appliesTo { principal: [User, Service], resource: [Database],
  context: { level: Long, mfa?: Bool, from?: ipaddr, at?: datetime, ttl?: duration, price?: decimal, peer?: User,
             tags?: Set<String>, nested?: { a: Long, b?: { c: Set<Long> } }, now: datetime, grant?: Curfew::Grant } };
action rw;
action open appliesTo { principal: [User], resource: [Document], context: { level: Long } };
namespace Curfew {
  entity System;
  type Grant = { id: String, workflow: String, steps: Set<String>, reason: String, ticket?: String,
                 breakGlass: Bool, startsAt: datetime, expiresAt: datetime };
  type AccessRequest = { id: String, requester?: User, requesterService?: Service, subject?: User, subjectService?: Service,
                 actions: Set<String>, reason: String, ticket?: String, duration: duration, startsAt?: datetime,
                 workflow?: String, breakGlass: Bool, extension: Long };
  action request, requestFor, revoke, view appliesTo { principal: [User, Service], resource: [Database, Environment], context: { now: datetime, request: AccessRequest } };
  action approve appliesTo { principal: [User], resource: [Database, Environment], context: { now: datetime, request: AccessRequest } };
  action lock, unlock appliesTo { principal: [User], resource: [Database, Environment, User, Service, Group, System], context: { now: datetime } };
  action audit, administer appliesTo { principal: [User, Service], resource: [System], context: { now: datetime } };
  action authorize, explain, watch appliesTo { principal: [User, Service], resource: [System, User, Service], context: { now: datetime } };
}
`;

export const ACCESS = `@id("jit")
permit (principal, action, resource is Database) when { context has grant };

@id("owners-read")
permit (principal is User, action == Action::"read", resource is Database)
when { principal in resource.owners && context.level >= 1 };

@id("own-documents")
permit (principal, action == Action::"open", resource) when { principal == resource.owner && context.level > 0 };
`;

export const GUARDRAILS = `@id("pii-needs-mfa") @advice("sign in with MFA")
forbid (principal, action in Action::"rw", resource is Database)
when { resource.classification == "pii" } unless { context has mfa && context.mfa };

@id("sealed")
forbid (principal, action, resource is Database)
when { resource.classification == "sealed" && context.level + 1 > 0 };
`;

export const WORKFLOWS = `@id("prod-reads") @title("Read production databases")
@approvals("owner")                  // steps that must agree
@max("4h") @default("1h") @pending("24h")
permit (principal in Group::"engineering", action == Curfew::Action::"request", resource is Database in Environment::"prod")
when { ["read"].containsAll(context.request.actions) };

@id("prod-writes") @approvals("owner, manager:2") @max("1h") @rank("5") @ticket("OPS-[0-9]+") @reason("optional")
permit (principal in Group::"engineering", action == Curfew::Action::"request", resource is Database in Environment::"prod");

@id("owners-approve") @step("owner")
permit (principal is User, action == Curfew::Action::"approve", resource is Database) when { principal in resource.owners };

@id("managers-approve") @step("manager")
permit (principal is User, action == Curfew::Action::"approve", resource)
when { context.request has requester && context.request.requester has manager && context.request.requester.manager == principal };

@id("security-sees-all")
permit (principal in Group::"security", action in [Curfew::Action::"view", Curfew::Action::"revoke"], resource);
`;

export const DIRECTORY = `[
  { "uid": { "type": "Group", "id": "staff" } },
  { "uid": { "type": "Group", "id": "engineering" }, "parents": [{ "type": "Group", "id": "staff" }] },
  { "uid": { "type": "Group", "id": "security" }, "parents": [{ "type": "Group", "id": "staff" }] },
  { "uid": { "type": "Environment", "id": "prod" } },
  { "uid": { "type": "User", "id": "ada" },
    "attrs": { "manager": { "__entity": { "type": "User", "id": "bob" } }, "level": 9223372036854775807,
               "clearances": ["a", "b"], "home": { "city": "Bern" } },
    "parents": [{ "type": "Group", "id": "engineering" }], "tags": { "team": "core" } },
  { "uid": { "type": "User", "id": "bob" },
    "attrs": { "manager": { "__entity": { "type": "User", "id": "cleo" } }, "level": -9223372036854775808, "clearances": [], "home": { "city": "Ulm", "zip": 9007199254740993 } },
    "parents": [{ "type": "Group", "id": "security" }] },
  { "uid": { "type": "User", "id": "cleo" }, "attrs": { "level": 5, "clearances": ["c"], "home": { "city": "Bern" } } },
  { "uid": { "type": "Service", "id": "ci" }, "parents": [{ "type": "Group", "id": "engineering" }] },
  { "uid": { "type": "Database", "id": "orders" },
    "attrs": { "classification": "internal", "owners": [{ "__entity": { "type": "User", "id": "bob" } }],
               "net": { "__extn": { "fn": "ip", "arg": "10.0.0.0/8" } } },
    "parents": [{ "type": "Environment", "id": "prod" }],
    "tags": { "steward": { "__entity": { "type": "User", "id": "cleo" } } } },
  { "uid": { "type": "Database", "id": "people" },
    "attrs": { "classification": "pii", "owners": [{ "__entity": { "type": "User", "id": "bob" } }] },
    "parents": [{ "type": "Environment", "id": "prod" }] },
  { "uid": { "type": "Database", "id": "vault" },
    "attrs": { "classification": "sealed", "owners": [{ "__entity": { "type": "User", "id": "bob" } }] },
    "parents": [] }
]`;

/** The sample's files, some of them replaced, added, or (undefined) left out. */
export function sampleFiles(changes: Readonly<Record<string, string | undefined>> = {}): PolicyFiles {
  const files: Record<string, string | undefined> = {
    'schema.cedarschema': SCHEMA,
    'access/access.cedar': ACCESS,
    'guardrails/guardrails.cedar': GUARDRAILS,
    'workflows/workflows.cedar': WORKFLOWS,
    ...changes,
  };
  return new Map(Object.entries(files).flatMap(([path, text]) => (text === undefined ? [] : [[path, text]])));
}

export function sampleDirectory(): Entity[] {
  return parseEntities(DIRECTORY);
}

/** Examines files that must be good, in this thread: a worker for each of hundreds of sets would take minutes. */
export function examined(files: PolicyFiles): PolicySet {
  const result = examine(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.policies;
}

/** What is wrong with files that must be bad; in this thread. */
export function problemsOf(files: PolicyFiles): readonly Problem[] {
  const result = examine(files);
  if (result.ok) throw new Error('the files were accepted');
  return result.problems;
}

/** The problems as `file:line:column: message`. */
export function firstLines(problems: readonly Problem[]): readonly string[] {
  return problems.map((problem) => formatProblem(problem).split('\n')[0] ?? '');
}
