import type { Attributes, Entity, EntityUid, Value } from '../access/entity.ts';
import type { Reads } from './policy-set.ts';

/**
 * Texts that are the same for the same things only, whatever stands in them, one behind the other too: every part is preceded by its
 * length, and every list by how many there are.
 */
export function keyOfUid({ type, id }: EntityUid): string {
  return `${type.length}:${type}${id.length}:${id}`;
}

export function keyOfText(text: string): string {
  return `${text.length}:${text}`;
}

/**
 * In the order of their names: how a record was written down makes no difference.
 * @param reads which of them, and which of the fields of a record among them, make a difference
 */
export function keyOfFields(fields: Attributes, reads: Reads = 'whole'): string {
  const names: string[] = [];
  for (const name of fields.keys()) if (reads === 'whole' || reads.has(name)) names.push(name);
  if (names.length > 1) names.sort();
  let text = `${names.length}[`;
  for (const name of names) {
    const value = fields.get(name);
    const read = reads === 'whole' ? reads : reads.get(name);
    if (value !== undefined) text += `${keyOfText(name)}${keyOfValue(value, read)}`;
  }
  return text;
}

export function keyOfEntity({ uid, attributes, parents, tags }: Entity): string {
  return `${keyOfUid(uid)}${keyOfFields(attributes)}${keyOfList(parents, keyOfUid)}${keyOfFields(tags)}`;
}

export function keyOfList<T>(values: readonly T[], of: (value: T) => string): string {
  let text = `${values.length}[`;
  for (const value of values) text += of(value);
  return text;
}

function keyOfValue(value: Value, reads: Reads = 'whole'): string {
  switch (value.kind) {
    case 'bool':
      return value.value ? 't' : 'f';
    case 'long':
      return `l${keyOfText(String(value.value))}`;
    case 'string':
      return `s${keyOfText(value.value)}`;
    case 'entity':
      return `e${keyOfUid(value.uid)}`;
    case 'set':
      return `S${keyOfList(value.values, (member) => keyOfValue(member))}`;
    case 'record':
      return `r${keyOfFields(value.fields, reads)}`;
    case 'extension':
      return `x${keyOfText(value.function)}${keyOfText(value.argument)}`;
    default:
      // Where types were forced, two different things would have one key.
      throw new TypeError(`a value of the kind ${String(Reflect.get(Object(value), 'kind'))}`);
  }
}
