import { describe, expect, test } from 'vitest';
import {
  actionOf,
  callerTypes,
  expandAction,
  grantTakingActions,
} from '../../../core/policy/schema-shape.ts';
import { examined, SCHEMA, sampleFiles } from './sample.ts';

function withSchema(schema: string): ReturnType<typeof sampleFiles> {
  return sampleFiles({
    'schema.cedarschema': schema,
    'access/access.cedar': '',
    'guardrails/guardrails.cedar': '',
    'workflows/workflows.cedar': '',
  });
}

describe('the shape of a schema', () => {
  test('resolves types, groups and annotations', () => {
    const { schema } = examined(sampleFiles());
    expect(callerTypes(schema)).toEqual(['Document']);
    expect(schema.entityTypes.get('Color')?.ids).toEqual(['red', 'green']);
    expect(schema.entityTypes.get('User')).toMatchObject({ memberOf: ['Group'], tags: { kind: 'string' } });
    expect(actionOf(schema, { type: '', id: 'read' })?.context.get('from')).toEqual({
      type: { kind: 'extension', name: 'ip' },
      required: false,
    });
  });

  test('an action group stands for its grant-taking members, groups of groups too', () => {
    const schema = SCHEMA.replace('action rw;', 'action rw in [all];\naction all;').replace(
      'action open appliesTo',
      'action open in [all] appliesTo',
    );
    const { schema: shape } = examined(withSchema(schema));
    const ids = (id: string): string[] =>
      expandAction(shape, { type: 'Action', id }).map(({ uid }) => uid.id);
    expect(ids('all').toSorted()).toEqual(['read', 'write']);
    expect(ids('read')).toEqual(['read']);
    expect(ids('open')).toEqual([]);
    expect(ids('nothing')).toEqual([]);
  });

  test('a grant hidden behind a name of the domain is still taken', () => {
    const schema = SCHEMA.replace('grant?: Curfew::Grant', 'grant?: Access').concat(
      'type Access = Curfew::Grant;',
    );
    expect(grantTakingActions(examined(withSchema(schema)).schema)).toHaveLength(2);
  });
});
