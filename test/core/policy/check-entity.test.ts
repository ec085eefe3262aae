import { describe, expect, test } from 'vitest';
import type { Entity, EntityUid, Value } from '../../../core/access/entity.ts';
import { checkEntity } from '../../../core/policy/check-question.ts';
import { examined, sampleDirectory, sampleFiles } from './sample.ts';

const { schema } = examined(sampleFiles());

const ORDERS: EntityUid = { type: 'Database', id: 'orders' };
const LEVEL: Value = { kind: 'long', value: 1n };
const string = (value: string): Value => ({ kind: 'string', value });
const document = (changes: Partial<Entity> = {}): Entity => ({
  uid: { type: 'Document', id: 'd' },
  attributes: new Map([['owner', { kind: 'entity', uid: { type: 'User', id: 'ada' } }]]),
  parents: [],
  tags: new Map(),
  ...changes,
});

function lines(violations: ReturnType<typeof checkEntity>): readonly string[] {
  return violations.map(({ path, seen, wanted }) => `${path}: ${seen}, wanted ${wanted}`);
}

describe('an entity of the directory', () => {
  test('is good when it is as declared', () => {
    for (const entity of sampleDirectory()) expect(checkEntity(schema, entity)).toEqual([]);
  });

  const user = sampleDirectory().find((entity) => entity.uid.id === 'ada');
  const changed = (changes: Partial<Entity>): Entity => ({ ...document(), ...user, ...changes });

  test.each<[string, Entity, string]>([
    ['of an unknown type', changed({ uid: { type: 'Person', id: 'a' } }), 'uid.type: "Person"'],
    [
      'of a caller type',
      document(),
      'uid.type: Document, wanted a type of the directory: callers send entities of this one',
    ],
    [
      'of a type of Curfew',
      document({ uid: { type: 'Curfew::System', id: 'curfew' }, attributes: new Map() }),
      'uid.type: Curfew::System, wanted a type of your own',
    ],
    ['that is an action', document({ uid: { type: 'Action', id: 'read' } }), 'uid.type: "Action"'],
    [
      'with an id that its type does not list',
      document({ uid: { type: 'Color', id: 'blue' }, attributes: new Map() }),
      'uid.id: "blue", wanted one of red, green',
    ],
    [
      'with a parent of another type',
      changed({ parents: [ORDERS] }),
      'parents[0]: Database::"orders", wanted a Group',
    ],
    [
      'with a tag of another type',
      changed({ tags: new Map([['team', LEVEL]]) }),
      'tags.team: 1, wanted String',
    ],
    [
      'with an attribute of another type',
      changed({ attributes: new Map([...(user?.attributes ?? []), ['level', string('1')]]) }),
      'attributes.level: "1", wanted Long',
    ],
    [
      'with more than 200 fields',
      changed({ tags: new Map(Array.from({ length: 201 }, (_, i) => [`t${i}`, string('')])) }),
      'tags: 206 fields or more',
    ],
  ])('%s is refused', (_name, entity, line) => {
    expect(lines(checkEntity(schema, entity))).toContainEqual(expect.stringContaining(line));
  });
});
