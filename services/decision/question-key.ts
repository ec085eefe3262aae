import type { Attributes, Entity, EntityUid, Value } from '../../core/access/entity.ts';
import type { CallerQuestion } from '../../core/policy/check-question.ts';
import type { Reads } from '../../core/policy/policy-set.ts';

/**
 * A text that is the same for the same question only, whatever stands in it: every part is preceded by its length, and every list by
 * how many there are.
 * @param reads what of the context makes a difference
 */
export function keyOfQuestion(
  { principal, action, resource, context, entities }: CallerQuestion,
  reads: Reads,
): string {
  const asked = ofUid(principal) + ofUid(action) + ofUid(resource);
  if (context.size === 0 && entities.length === 0) return asked;
  return `${asked}${ofFields(context, reads)}${list(entities, ofEntity)}`;
}

function ofText(text: string): string {
  return `${text.length}:${text}`;
}

function ofUid({ type, id }: EntityUid): string {
  return `${type.length}:${type}${id.length}:${id}`;
}

function ofEntity({ uid, attributes, parents, tags }: Entity): string {
  return `${ofUid(uid)}${ofFields(attributes)}${list(parents, ofUid)}${ofFields(tags)}`;
}

/** In the order of their names: how a record was written down makes no difference. */
function ofFields(fields: Attributes, reads: Reads = 'whole'): string {
  const names = [...fields.keys()].filter((name) => reads === 'whole' || reads.has(name)).sort();
  let text = `${names.length}[`;
  for (const name of names) {
    const value = fields.get(name);
    const read = reads === 'whole' ? reads : reads.get(name);
    if (value !== undefined) text += `${ofText(name)}${ofValue(value, read)}`;
  }
  return text;
}

function ofValue(value: Value, reads: Reads = 'whole'): string {
  switch (value.kind) {
    case 'bool':
      return value.value ? 't' : 'f';
    case 'long':
      return `l${ofText(String(value.value))}`;
    case 'string':
      return `s${ofText(value.value)}`;
    case 'entity':
      return `e${ofUid(value.uid)}`;
    case 'set':
      return `S${list(value.values, (member) => ofValue(member))}`;
    case 'record':
      return `r${ofFields(value.fields, reads)}`;
    case 'extension':
      return `x${ofText(value.function)}${ofText(value.argument)}`;
  }
}

function list<T>(values: readonly T[], of: (value: T) => string): string {
  return `${values.length}[${values.map(of).join('')}`;
}
