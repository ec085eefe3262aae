import fc from 'fast-check';
import type { Attributes, Entity, EntityUid, Value } from '../../core/access/entity.ts';
import type {
  AttributesShape,
  ExtensionName,
  SchemaShape,
  TypeShape,
} from '../../core/policy/schema-shape.ts';
import { int64 } from '../core/policy/questions.ts';

/** How many entities of a type there may be: ids are theirs, one more of a stranger, and some that are hard to write. */
const IDS = ['a', 'b', 'c', 'd'] as const;

/** Texts that policies compare with, and some that are hard to write. */
export const TEXTS = ['', 'a', 'b', 'pii', 'internal', '*', '"', '\\', 'ß∂', '\u{1f980}', 'x\ny'] as const;

const EXTENSIONS: Readonly<Record<ExtensionName, readonly string[]>> = {
  ip: ['127.0.0.1', '10.0.0.0/8', '10.1.2.3', '::1', 'ff02::/16'],
  decimal: ['0.0', '1.5', '-1.5', '922337203685477.5807', '-922337203685477.5808'],
  datetime: ['1970-01-01', '2026-06-01T09:00:00Z', '2026-06-01T09:00:00.001+0130'],
  duration: ['0ms', '1h', '-1d2h3m4s5ms', '9223372036854775807ms'],
};

/** How an extension value is written in a policy or an entity; the same everywhere, so that equal ones come up. */
export function extensionArgument(name: ExtensionName): fc.Arbitrary<string> {
  return fc.constantFrom(...EXTENSIONS[name]);
}

export function uidOf(shape: SchemaShape, type: string): fc.Arbitrary<EntityUid> {
  const ids = shape.entityTypes.get(type)?.ids ?? [...IDS, 'nobody'];
  return fc.constantFrom(...ids).map((id) => ({ type, id }));
}

/** A value of the type. */
export function valueOf(shape: SchemaShape, type: TypeShape): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean().map((value): Value => ({ kind: 'bool', value }));
    case 'long':
      return fc
        .oneof(int64, fc.bigInt({ min: -3n, max: 3n }))
        .map((value): Value => ({ kind: 'long', value }));
    case 'string':
      return fc.constantFrom(...TEXTS).map((value): Value => ({ kind: 'string', value }));
    case 'entity':
      return uidOf(shape, type.type).map((uid): Value => ({ kind: 'entity', uid }));
    case 'set':
      return fc
        .array(valueOf(shape, type.element), { maxLength: 3 })
        .map((values): Value => ({ kind: 'set', values }));
    case 'record':
      return attributesOf(shape, type.attributes).map((fields): Value => ({ kind: 'record', fields }));
    case 'extension':
      return extensionArgument(type.name).map(
        (argument): Value => ({ kind: 'extension', function: type.name, argument }),
      );
  }
}

/** Attributes as declared, those that need not be there sometimes missing. */
export function attributesOf(shape: SchemaShape, declared: AttributesShape): fc.Arbitrary<Attributes> {
  const each = Array.from(declared, ([name, { type, required }]) => {
    const value = valueOf(shape, type);
    return (required ? value : fc.option(value)).map((value) => [name, value] as const);
  });
  return fc
    .tuple(...each)
    .map((pairs) => new Map(pairs.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))));
}

/** Entities of the domain's types as the schema wants them, each present or not; parents have no cycle. */
export function directoryOf(shape: SchemaShape): fc.Arbitrary<readonly Entity[]> {
  const types = [...shape.entityTypes.values()].filter(
    ({ name, ids }) => ids === undefined && !name.startsWith('Curfew::'),
  );
  const each = types.flatMap(({ name, attributes, tags, memberOf }) =>
    IDS.map((id, index) => {
      // Of its own type only those before it: no cycle.
      const above = memberOf.flatMap((type) =>
        IDS.slice(0, type === name ? index : IDS.length).map((parent) => ({ type, id: parent })),
      );
      return fc.option(
        fc.record({
          uid: fc.constant({ type: name, id }),
          attributes: attributesOf(shape, attributes),
          parents: fc.subarray(above, { maxLength: Math.min(3, above.length) }),
          tags: tags === undefined ? fc.constant(new Map()) : tagsOf(shape, tags),
        }),
        { freq: 8 },
      );
    }),
  );
  return fc.tuple(...each).map((entities) => entities.filter((entity) => entity !== null));
}

/** Names of tags. */
export const TAGS = ['team', 'steward', ''] as const;

function tagsOf(shape: SchemaShape, type: TypeShape): fc.Arbitrary<Attributes> {
  return fc
    .uniqueArray(fc.tuple(fc.constantFrom(...TAGS), valueOf(shape, type)), { selector: ([name]) => name })
    .map((pairs) => new Map(pairs));
}
