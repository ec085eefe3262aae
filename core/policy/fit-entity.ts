import type { Attributes, Entity, Value } from '../access/entity.ts';
import type { AttributesShape, SchemaShape, TypeShape } from './schema-shape.ts';

/**
 * The entity with what Cedar's JSON lets one leave implicit made explicit: `{type, id}` records become entities and strings
 * become extension values where the schema declares them. What does not fit is left for `checkEntity` to name.
 */
export function fitEntity(shape: SchemaShape, entity: Entity): Entity {
  const type = shape.entityTypes.get(entity.uid.type);
  if (type === undefined) return entity;
  const { tags } = type;
  return {
    ...entity,
    attributes: fitAttributes(type.attributes, entity.attributes),
    tags:
      tags === undefined
        ? entity.tags
        : new Map(Array.from(entity.tags, ([name, tag]) => [name, fitValue(tags, tag)])),
  };
}

function fitAttributes(declared: AttributesShape, attributes: Attributes): Attributes {
  return new Map(
    Array.from(attributes, ([name, value]): [string, Value] => {
      const type = declared.get(name)?.type;
      return [name, type === undefined ? value : fitValue(type, value)];
    }),
  );
}

/** The value as the declared type reads it, or itself when it cannot. */
function fitValue(type: TypeShape, value: Value): Value {
  if (type.kind === 'set' && value.kind === 'set')
    return { kind: 'set', values: value.values.map((member) => fitValue(type.element, member)) };
  if (type.kind === 'record' && value.kind === 'record')
    return { kind: 'record', fields: fitAttributes(type.attributes, value.fields) };
  if (type.kind === 'extension' && value.kind === 'string')
    return { kind: 'extension', function: type.name, argument: value.value };
  if (type.kind === 'entity' && value.kind === 'record' && value.fields.size === 2) {
    const of = value.fields.get('type');
    const id = value.fields.get('id');
    if (of?.kind === 'string' && id?.kind === 'string')
      return { kind: 'entity', uid: { type: of.value, id: id.value } };
  }
  return value;
}
