import { create } from '@bufbuild/protobuf';
import type { Entity, Value } from '../../../core/policy/directory-text.ts';
import {
  type Entity as EntityMessage,
  EntitySchema,
  EntityUidSchema,
  type Value as ValueMessage,
  ValueSchema,
} from '../../../proto/gen/curfew/type/v1/entity_pb.ts';
import { CliError } from '../cli-error.ts';
import type { EntityName } from '../../sdk/index.ts';

/** The entity as the API takes it. */
export function toMessage({ uid, attributes, parents, tags }: Entity): EntityMessage {
  return create(EntitySchema, {
    uid: toUid(uid),
    attributes: toFields(attributes),
    parents: parents.map(toUid),
    tags: toFields(tags),
  });
}

/** The entity that the API gave. @throws CliError when it is of a later version */
export function fromMessage({ uid, attributes, parents, tags }: EntityMessage): Entity {
  return {
    uid: fromUid(uid),
    attributes: fromFields(attributes),
    parents: parents.map(fromUid),
    tags: fromFields(tags),
  };
}

type Fields = Entity['attributes'];

function toUid({ type, id }: EntityName) {
  return create(EntityUidSchema, { type, id });
}

function fromUid(uid: EntityName | undefined): EntityName {
  return { type: uid?.type ?? '', id: uid?.id ?? '' };
}

function toFields(fields: Fields): Record<string, ValueMessage> {
  return Object.fromEntries(Array.from(fields, ([name, value]) => [name, toValue(value)]));
}

function fromFields(fields: Readonly<Record<string, ValueMessage>>): Fields {
  return new Map(Object.entries(fields).map(([name, value]) => [name, fromValue(value)]));
}

function toValue(value: Value): ValueMessage {
  return create(ValueSchema, { kind: toKind(value) });
}

function toKind(value: Value) {
  switch (value.kind) {
    case 'bool':
      return { case: 'boolValue', value: value.value } as const;
    case 'long':
      return { case: 'longValue', value: value.value } as const;
    case 'string':
      return { case: 'stringValue', value: value.value } as const;
    case 'entity':
      return { case: 'entityValue', value: toUid(value.uid) } as const;
    case 'set':
      return { case: 'setValue', value: { values: value.values.map(toValue) } } as const;
    case 'record':
      return { case: 'recordValue', value: { fields: toFields(value.fields) } } as const;
    case 'extension': {
      const { function: name, argument } = value;
      return { case: 'extensionValue', value: { function: name, argument } } as const;
    }
  }
}

function fromValue({ kind }: ValueMessage): Value {
  switch (kind.case) {
    case 'boolValue':
      return { kind: 'bool', value: kind.value };
    case 'longValue':
      return { kind: 'long', value: kind.value };
    case 'stringValue':
      return { kind: 'string', value: kind.value };
    case 'entityValue':
      return { kind: 'entity', uid: fromUid(kind.value) };
    case 'setValue':
      return { kind: 'set', values: kind.value.values.map(fromValue) };
    case 'recordValue':
      return { kind: 'record', fields: fromFields(kind.value.fields) };
    case 'extensionValue':
      return { kind: 'extension', function: kind.value.function, argument: kind.value.argument };
    case undefined:
      throw new CliError('Curfew answered with a kind of value that this curfew does not know', {
        next: 'install the version of the command line that belongs to the service',
      });
  }
}
