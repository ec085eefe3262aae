/** One edit that a reviewer might overlook, and where and how it must be refused. */
export interface Break {
  readonly title: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
  /** Text of the edited file at whose line the problem must be reported. */
  readonly at: string;
  readonly says: RegExp;
}

/** Edits of the example's policies. They are planted together, so no two may concern one policy. */
export const POLICY_BREAKS: readonly Break[] = [
  {
    title: 'a misspelt attribute',
    file: 'guardrails/databases.cedar',
    find: 'resource.legalHold',
    put: 'resource.legalhold',
    at: 'resource.legalhold',
    says: /legalhold/,
  },
  {
    title: 'a misspelt context attribute, which Cedar only warns of',
    file: 'access/jit.cedar',
    find: 'context has grant',
    put: 'context has grannt',
    at: '@id("jit")',
    says: /impossible/,
  },
  {
    title: 'a guardrail that reads an optional attribute without asking whether it is there',
    file: 'guardrails/databases.cedar',
    find: 'unless { context has mfa && context.mfa }',
    put: 'unless { context.mfa }',
    at: 'unless { context.mfa }',
    says: /mfa/,
  },
  {
    title: 'a policy without @id',
    file: 'guardrails/invoices.cedar',
    find: '@id("creators-do-not-pay")\n',
    put: '',
    at: '@advice("somebody else',
    says: /without @id/,
  },
  {
    title: 'an @id that another folder uses',
    file: 'workflows/staging.cedar',
    find: '@id("staging-reads")',
    put: '@id("data-reads-its-warehouses")',
    at: '@id("data-reads-its-warehouses")',
    says: /"data-reads-its-warehouses".*twice/,
  },
  {
    title: 'a type that the schema does not declare',
    file: 'access/standing.cedar',
    find: 'principal is User in Group::"on-call"',
    put: 'principal is Person in Group::"on-call"',
    at: 'is Person in',
    says: /Person/,
  },
  {
    title: 'an action that the schema does not declare',
    file: 'access/standing.cedar',
    find: 'Action::"describe"',
    put: 'Action::"descibe"',
    at: 'Action::"descibe"',
    says: /descibe/,
  },
  {
    title: 'a misspelt Curfew action',
    file: 'workflows/system.cedar',
    find: 'Curfew::Action::"audit"',
    put: 'Curfew::Action::"adit"',
    at: 'Curfew::Action::"adit"',
    says: /adit/,
  },
  {
    title: 'a permit among the guardrails',
    file: 'guardrails/databases.cedar',
    find: 'forbid (\n  principal is Service in Group::"automation"',
    put: 'permit (\n  principal is Service in Group::"automation"',
    at: 'permit (',
    says: /permit in guardrails/,
  },
  {
    title: 'a Curfew action decided by the access set',
    file: 'access/standing.cedar',
    find: 'Action::"viewInvoice"',
    put: 'Curfew::Action::"lock"',
    at: 'Curfew::Action::"lock"',
    says: /only workflows\/ decides/,
  },
  {
    title: 'a permit in workflows/ that leaves its action open',
    file: 'workflows/oversight.cedar',
    find: 'action == Curfew::Action::"requestFor"',
    put: 'action',
    at: '  action,',
    says: /leaves its action open/,
  },
  {
    title: 'one permit for approving and revoking',
    file: 'workflows/approve.cedar',
    find: 'action == Curfew::Action::"approve"',
    put: 'action in [Curfew::Action::"approve", Curfew::Action::"revoke"]',
    at: 'action in [',
    says: /wanted that one alone/,
  },
  {
    title: 'a workflow without its longest duration',
    file: 'workflows/production.cedar',
    find: '@max("4h")\n',
    put: '',
    at: '@id("prod-reads")',
    says: /without @max/,
  },
  {
    title: 'a proposed duration above the longest',
    file: 'workflows/finance.cedar',
    find: '@default("30m")',
    put: '@default("3h")',
    at: '@default("3h")',
    says: /at most @max, 2h/,
  },
  {
    title: 'a duration that is none',
    file: 'workflows/staging.cedar',
    find: '@max("8h")',
    put: '@max("8 hours")',
    at: '@max("8 hours")',
    says: /wanted a Cedar duration/,
  },
  {
    title: 'a ticket pattern that is no RE2',
    file: 'workflows/production.cedar',
    find: '@ticket("^(INC|CHG)-[0-9]+$")',
    put: '@ticket("^(INC|CHG-[0-9]+$")',
    at: '@ticket("^(INC|CHG-',
    says: /regular expression \(RE2\)/,
  },
  {
    title: 'a time that is none',
    file: 'workflows/on-call.cedar',
    find: '@rank("10")',
    put: '@idle("soon")',
    at: '@idle',
    says: /wanted a Cedar duration/,
  },
  {
    title: 'a misspelt annotation',
    file: 'workflows/on-call.cedar',
    find: '@pending("15m")',
    put: '@pendng("15m")',
    at: '@pendng',
    says: /@pendng means nothing/,
  },
  {
    title: 'a syntax error',
    file: 'workflows/finance.cedar',
    find: 'resource is Application\n)\nwhen',
    put: 'resource is Application\nwhen',
    at: 'when {',
    says: /when/,
  },
];

/** Edits of the example's schema. */
export const SCHEMA_BREAKS: readonly Break[] = [
  {
    title: 'a field that Curfew does not supply',
    file: 'schema.cedarschema',
    find: '    extension: Long,',
    put: '    extension: Long,\n    urgency: Long,',
    at: 'urgency: Long',
    says: /Curfew supplies no `urgency`/,
  },
  {
    title: 'a field of another type than Curfew supplies',
    file: 'schema.cedarschema',
    find: 'breakGlass: Bool',
    put: 'breakGlass: String',
    at: 'breakGlass: String',
    says: /breakGlass.*wanted Bool/,
  },
  {
    title: 'a document of callers that may act as a principal',
    file: 'schema.cedarschema',
    find: 'action payInvoice appliesTo { principal: [User]',
    put: 'action payInvoice appliesTo { principal: [User, Invoice]',
    at: 'entity Invoice',
    says: /@caller.*principal/,
  },
];

/** Apart from the others: with an approve permit that cannot be read, nobody knows which steps are filled. */
export const STEP_BREAKS: readonly Break[] = [
  {
    title: 'a step that nobody can fill',
    file: 'workflows/production.cedar',
    find: '@approvals("manager, owner")',
    put: '@approvals("manager, comptroller")',
    at: '@approvals("manager, comptroller")',
    says: /no approve permit has @step\("comptroller"\)/,
  },
];
