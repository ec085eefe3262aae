import type { Value } from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import type { Question, QuestionEntity } from '../question.ts';
import { type EntityName, type PlainValue, toValue } from '../value.ts';

/**
 * Equal for equal questions and different for different ones: every text stands with its length, and fields in the order of their
 * names. Undefined for what is no question.
 */
export function questionKey(question: Question): string | undefined {
  const { principal, action, resource, context, entities } = question;
  const who = nameKey(principal);
  const what = typeof action === 'string' ? `a${text(action)}` : nameKey(action);
  const whereabouts = nameKey(resource);
  if (who === undefined || what === undefined || whereabouts === undefined) return undefined;
  const plain = who + what + whereabouts;
  if (context === undefined && entities === undefined) return plain;
  try {
    return `${plain}${fieldsKey(context ?? {})}${(entities ?? []).map(entityKey).join('')}`;
  } catch {
    return undefined; // the call will say what is wrong with it
  }
}

/** Of an entity's name; undefined where types were forced. */
export function nameKey({ type, id }: EntityName): string | undefined {
  if (typeof type !== 'string' || typeof id !== 'string') return undefined;
  return `${type.length}:${type}${id.length}:${id}`;
}

/** The `nameKey` of each entity that the question names in any place. */
export function namesIn({ principal, resource, context = {}, entities = [] }: Question): ReadonlySet<string> {
  const names = new Set<string>();
  const note = (name: EntityName): void => void names.add(nameKey(name) ?? '');
  note(principal);
  note(resource);
  const noteAll = (fields: Readonly<Record<string, PlainValue>>): void => {
    for (const plain of Object.values(fields)) for (const uid of uidsIn(toValue(plain))) note(uid);
  };
  noteAll(context);
  for (const { uid, parents = [], attributes = {}, tags = {} } of entities) {
    note(uid);
    for (const parent of parents) note(parent);
    noteAll(attributes);
    noteAll(tags);
  }
  return names;
}

function text(value: string): string {
  return `${value.length}:${value}`;
}

function entityKey({ uid, attributes = {}, parents = [], tags = {} }: QuestionEntity): string {
  const above = parents.map((parent) => nameKey(parent) ?? '').join('');
  return `e${nameKey(uid) ?? ''}${fieldsKey(attributes)}${parents.length}p${above}${fieldsKey(tags)}`;
}

function fieldsKey(fields: Readonly<Record<string, PlainValue>>): string {
  const names = Object.keys(fields).toSorted();
  let key = `${names.length}f`;
  for (const name of names) key += text(name) + plainKey(fields[name]);
  return key;
}

function plainKey(plain: PlainValue | undefined): string {
  switch (typeof plain) {
    case 'boolean':
      return plain ? 'T' : 'F';
    case 'string':
      return `s${text(plain)}`;
    default:
      return valueKey(toValue(plain as PlainValue)); // refuses whatever is none
  }
}

function valueKey({ kind }: Value): string {
  switch (kind.case) {
    case 'boolValue':
      return kind.value ? 'T' : 'F';
    case 'longValue':
      return `l${text(String(kind.value))}`;
    case 'stringValue':
      return `s${text(kind.value)}`;
    case 'entityValue':
      return `u${nameKey(kind.value) ?? ''}`;
    case 'extensionValue':
      return `x${text(kind.value.function)}${text(kind.value.argument)}`;
    case 'setValue':
      return `${kind.value.values.length}v${kind.value.values.map(valueKey).join('')}`;
    case 'recordValue': {
      const { fields } = kind.value;
      const names = Object.keys(fields).toSorted();
      return `${names.length}r${names.map((name) => text(name) + valueKey(fields[name] ?? NO_VALUE)).join('')}`;
    }
    case undefined:
      throw new TypeError('a value without a kind');
  }
}

const NO_VALUE = { kind: { case: undefined } } as Value; // only its kind is looked at

function* uidsIn({ kind }: Value): Iterable<EntityName> {
  if (kind.case === 'entityValue') yield kind.value;
  else if (kind.case === 'setValue') for (const member of kind.value.values) yield* uidsIn(member);
  else if (kind.case === 'recordValue')
    for (const member of Object.values(kind.value.fields)) yield* uidsIn(member);
}
