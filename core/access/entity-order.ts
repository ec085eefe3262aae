import { type Attributes, type Entity, uidKey, type Value } from './entity.ts';
import { valueToJson } from './entity-json.ts';

/** The same entity with everything that has no order of its own sorted, so that its JSON is equal for entities that say the same. */
export function inOrder(entity: Entity): Entity {
  return {
    uid: entity.uid,
    attributes: fieldsInOrder(entity.attributes),
    parents: entity.parents.toSorted((a, b) => compare(uidKey(a), uidKey(b))),
    tags: fieldsInOrder(entity.tags),
  };
}

function fieldsInOrder(fields: Attributes): Attributes {
  return new Map(
    Array.from(fields, ([name, value]): [string, Value] => [name, valueInOrder(value)]).sort(([a], [b]) =>
      compare(a, b),
    ),
  );
}

function valueInOrder(value: Value): Value {
  if (value.kind === 'record') return { kind: 'record', fields: fieldsInOrder(value.fields) };
  if (value.kind !== 'set') return value;
  const members = value.values.map(valueInOrder).map((member) => ({
    member,
    json: JSON.stringify(valueToJson(member)),
  }));
  return {
    kind: 'set',
    values: members.sort((a, b) => compare(a.json, b.json)).map(({ member }) => member),
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
