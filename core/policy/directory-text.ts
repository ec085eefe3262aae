import { type Attributes, type Entity, uidKey, type Value } from '../access/entity.ts';
import { entityToJson } from '../access/entity-json.ts';
import { inOrder } from '../access/entity-order.ts';

export type { Entity, Value } from '../access/entity.ts';
export { uidKey } from '../access/entity.ts';

/** The entity in Cedar's JSON form, everything in one order and integers exact: equal for entities that say the same. */
export function entityText(entity: Entity): string {
  return JSON.stringify(entityToJson(inOrder(entity)));
}

/**
 * The same with what the schema makes of it left out: an IP address as its text, a reference as `{type, id}`, which a file may write so.
 * Two entities of one schema that are equal here say the same.
 */
export function impliedText(entity: Entity): string {
  const { attributes, tags } = entity;
  return entityText({ ...entity, attributes: implied(attributes), tags: implied(tags) });
}

/** Parents before what is inside of them, otherwise in the order given; a circle begins anywhere. */
export function parentsFirst(entities: readonly Entity[]): readonly Entity[] {
  const all = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  // An entity is put in when it is found a second time, after everything above it.
  const found = new Set<string>();
  const ordered = new Map<string, Entity>();
  const open = entities.toReversed();
  for (let top = open.pop(); top !== undefined; top = open.pop()) {
    const key = uidKey(top.uid);
    if (ordered.has(key)) continue;
    const above = top.parents.map(uidKey).filter((parent) => !found.has(parent));
    const first = found.has(key) ? [] : above.flatMap((parent) => all.get(parent) ?? []);
    found.add(key);
    if (first.length === 0) ordered.set(key, top);
    else open.push(top, ...first);
  }
  return [...ordered.values()];
}

function implied(fields: Attributes): Attributes {
  return new Map(Array.from(fields, ([name, value]) => [name, impliedValue(value)]));
}

function impliedValue(value: Value): Value {
  switch (value.kind) {
    case 'extension':
      return { kind: 'string', value: value.argument };
    case 'entity': {
      const { type, id } = value.uid;
      return {
        kind: 'record',
        fields: new Map([
          ['type', { kind: 'string', value: type }],
          ['id', { kind: 'string', value: id }],
        ]),
      };
    }
    case 'set':
      return { kind: 'set', values: value.values.map(impliedValue) };
    case 'record':
      return { kind: 'record', fields: implied(value.fields) };
    default:
      return value;
  }
}
