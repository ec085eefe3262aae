import { describe, expect, test } from 'vitest';
import { actionOf, curfewAction, grantTakingActions } from '../../../core/policy/schema-shape.ts';
import { examined, firstLines, problemsOf, SCHEMA, sampleFiles } from './sample.ts';

function withSchema(schema: string): ReturnType<typeof sampleFiles> {
  return sampleFiles({
    'schema.cedarschema': schema,
    'access/access.cedar': '',
    'guardrails/guardrails.cedar': '',
    'workflows/workflows.cedar': '',
  });
}

/** Where the sample's schema says a text, as "line:column". */
function placeOf(text: string, from = SCHEMA): string {
  const before = from.slice(0, from.indexOf(text)).split('\n');
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/** [what it is, the sample's text, what stands there instead, where the problem is, its message] */
const REFUSED: readonly (readonly [string, string, string, string, string])[] = [
  [
    'an unknown field of Grant',
    'breakGlass: Bool, startsAt',
    'brakeGlass: Bool, startsAt',
    'brakeGlass',
    'Curfew supplies no `brakeGlass` in Grant',
  ],
  [
    'another type of a field',
    'steps: Set<String>',
    'steps: String',
    'steps: String',
    'Grant.steps is declared as String, wanted Set<String>',
  ],
  [
    'a required field that Curfew may leave out',
    'ticket?: String,\n',
    'ticket: String,\n',
    'ticket: String,\n',
    'Grant.ticket is declared as required, and Curfew leaves it out at times',
  ],
  [
    'people of two types',
    'subject?: User',
    'subject?: Group',
    'subject?: Group',
    'people (requester, subject) are declared as User and Group, wanted one type',
  ],
  [
    'people and services of one type',
    'requesterService?: Service, subject?: User, subjectService?: Service',
    'requesterService?: User, subject?: User, subjectService?: User',
    'requesterService',
    'User is the type of people and of services, wanted two types',
  ],
  [
    'a requester that is no entity',
    'requester?: User',
    'requester?: String',
    'requester?: String',
    'AccessRequest.requester is declared as String, wanted the entity type of a person',
  ],
  [
    'an unknown action',
    'action lock, unlock',
    'action lock, unlok',
    'unlok',
    'Curfew supplies no action `unlok`',
  ],
  [
    'an unknown entity',
    'entity System;',
    'entity System; entity Sistem;',
    'Sistem',
    'Curfew supplies no entity `Sistem`',
  ],
  [
    'an unknown type',
    'entity System;',
    'entity System; type Grnt = Long;',
    'Grnt',
    'Curfew supplies no type `Grnt`',
  ],
  [
    'a System with attributes',
    'entity System;',
    'entity System { a: Long };',
    'System {',
    'Curfew::System has more than Curfew supplies, wanted `entity System;`',
  ],
  [
    'reviewers that are no people',
    'approve appliesTo { principal: [User]',
    'approve appliesTo { principal: [User, Service]',
    'Service], resource: [Database, Environment], context: { now: datetime, request: AccessRequest } };\n  action lock',
    'Curfew::Action::approve has principals of type Service, wanted User',
  ],
  [
    'audit of a database',
    'administer appliesTo { principal: [User, Service], resource: [System]',
    'administer appliesTo { principal: [User, Service], resource: [System, Database]',
    'Database], context: { now: datetime } };\n  action authorize',
    'Curfew never asks Curfew::Action::audit about a Database',
  ],
  [
    'an unknown context field',
    'resource: [System], context: { now: datetime }',
    'resource: [System], context: { nwo: datetime }',
    'nwo',
    'Curfew supplies no `nwo` in the context of Curfew::Action::audit',
  ],
  [
    'another type of now',
    'resource: [System], context: { now: datetime }',
    'resource: [System], context: { now: Long }',
    'now: Long',
    'context.now of Curfew::Action::audit is Long, wanted datetime',
  ],
  [
    'a request that is another record',
    'approve appliesTo { principal: [User], resource: [Database, Environment], context: { now: datetime, request: AccessRequest }',
    'approve appliesTo { principal: [User], resource: [Database, Environment], context: { now: datetime, request: { id: String } }',
    'request: { id',
    'context.request of Curfew::Action::approve is { id: String }, wanted AccessRequest',
  ],
  [
    'a group of a Curfew action',
    'action lock, unlock appliesTo',
    'action lock, unlock in [view] appliesTo',
    'lock, unlock',
    'Curfew::Action::lock is a member of another action, wanted no groups',
  ],
  [
    'a namespace under Curfew',
    'namespace Curfew {',
    'namespace Curfew::Mine { entity X; }\nnamespace Curfew {',
    'namespace Curfew::Mine',
    "namespace Curfew::Mine is Curfew's own, wanted a namespace of yours",
  ],
  [
    'another type of context.grant',
    'context: { level: Long } };',
    'context: { level: Long, grant?: String } };',
    'grant?: String',
    "`grant` in a context is Curfew's, wanted `grant?: Curfew::Grant`",
  ],
  [
    'a required context.grant',
    'context: { level: Long } };',
    'context: { level: Long, grant: Curfew::Grant } };',
    'grant: Curfew',
    "`grant` in a context is Curfew's, wanted `grant?: Curfew::Grant`",
  ],
  [
    'another type of context.now',
    'context: { level: Long } };',
    'context: { level: Long, now: String } };',
    'now: String',
    "`now` in a context is Curfew's, seen String, wanted `now: datetime`",
  ],
  [
    'an action in a Curfew group',
    'action rw;',
    'action rw in [Curfew::Action::"view"];',
    'rw in [Curfew',
    'Action::rw is a member of a Curfew action, wanted groups of your own',
  ],
  [
    'a caller type as principal',
    'entity Service in [Group];',
    '@caller entity Service in [Group];',
    'Service in [Group]',
    'Service is marked @caller, and it is a principal of Action::',
  ],
  [
    'a caller type as a group',
    'entity Environment;',
    '@caller entity Environment;',
    'Environment;',
    'Environment is marked @caller, and Database can be a member of it',
  ],
  [
    'a type that is not there',
    'entity Environment;',
    'entity Environment in [Land];',
    'Land]',
    'failed to resolve type: Land',
  ],
  ['bad syntax', 'entity Environment;', 'entity Environment {;', ';\nentity Color', 'unexpected token `;`'],
  [
    'a builtin name taken',
    'entity Environment;',
    'entity Environment; type datetime = Long;',
    'datetime = Long',
    'The name `datetime` shadows a builtin Cedar name',
  ],
  [
    'a name of Curfew in the empty namespace',
    'entity Environment;',
    'entity Environment; entity System;',
    'System;\nentity Color',
    'System is declared in the empty namespace, and Curfew has Curfew::System',
  ],
  [
    'an action of Curfew in the empty namespace',
    'action rw;',
    'action rw; action view;',
    'view;\naction open',
    'Action::"view" is declared in the empty namespace, and Curfew has Curfew::Action::"view"',
  ],
];

describe('a schema is refused for', () => {
  test.each(REFUSED)('%s', (_name, there, instead, at, message) => {
    const schema = SCHEMA.replace(there, instead);
    expect(schema).not.toBe(SCHEMA);
    const lines = firstLines(problemsOf(withSchema(schema)));
    expect(lines).toContainEqual(
      expect.stringContaining(`schema.cedarschema:${placeOf(at, schema)}: ${message}`),
    );
  });

  test('two actions of one id in two namespaces', () => {
    const schema = `namespace A { entity U; action read appliesTo { principal: [U], resource: [U] }; }\nnamespace B { entity U; action read appliesTo { principal: [U], resource: [U] }; }\n`;
    expect(firstLines(problemsOf(withSchema(schema)))).toEqual([
      'schema.cedarschema:2:32: B::Action::read and A::Action::read have one id, wanted ids that are unique over all namespaces but Curfew',
    ]);
  });

  test('a misspelt field is told the right one', () => {
    const schema = SCHEMA.replace('breakGlass: Bool, startsAt', 'brakeGlass: Bool, startsAt');
    expect(problemsOf(withSchema(schema))[0]?.hint).toBe('did you mean `breakGlass`?');
  });
});

describe('a schema is good', () => {
  test('without fields and actions of Curfew', () => {
    const schema = `entity U; action read appliesTo { principal: [U], resource: [U], context: { grant?: Curfew::Grant } };
      namespace Curfew { type Grant = { id: String }; entity System enum ["curfew"];
        type AccessRequest = { subject?: U }; action audit appliesTo { principal: [U], resource: [System] }; }`;
    const { schema: shape } = examined(withSchema(schema));
    expect(shape.personTypes).toEqual(['U']);
    expect(shape.serviceTypes).toEqual([]);
    expect(curfewAction(shape, 'request')).toBeUndefined();
    expect(grantTakingActions(shape).map(({ uid }) => uid.id)).toEqual(['read']);
  });

  test('without Curfew at all', () => {
    const { schema } = examined(
      withSchema('entity U; action read appliesTo { principal: [U], resource: [U] };'),
    );
    expect(grantTakingActions(schema)).toEqual([]);
  });

  test('with names of Curfew in a namespace of its own', () => {
    const schema = `${SCHEMA}namespace Shop { entity System; type Grant = Long; action view appliesTo { principal: [User], resource: [System] }; }`;
    const { schema: shape } = examined(withSchema(schema));
    expect(actionOf(shape, { type: 'Shop::Action', id: 'view' })?.resourceTypes).toEqual(['Shop::System']);
  });
});
