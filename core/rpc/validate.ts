import { create, type DescMessage, type Message, type MessageShape, toJson } from '@bufbuild/protobuf';
import {
  isReflectList,
  isReflectMap,
  isReflectMessage,
  type Path,
  pathToString,
  type ReflectMessage,
  reflect,
} from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator, type Violation } from '@bufbuild/protovalidate';
import { AccessError } from '../access/access-error.ts';
import { showSeen } from '../runtime/seen.ts';

/** Checks a message against the rules in its proto. @throws AccessError FIELD_INVALID with a violation for each broken rule */
export type ValidateMessage = <D extends DescMessage>(desc: D, message: MessageShape<D>) => void;

/** Errors must not repeat what people wrote: it may be confidential. */
const privateTexts = new Set(['reason', 'comment']);

/**
 * A checker for these messages. Rules are compiled here, on empty messages, because that takes tens of milliseconds and the first
 * caller should not wait for it.
 *
 * @throws CompilationError when a rule in the proto is wrong
 */
export function createValidateMessage(descs: Iterable<DescMessage>): ValidateMessage {
  const validator = createValidator();
  for (const desc of descs) {
    const result = validator.validate(desc, create(desc));
    if (result.kind === 'error') {
      throw result.error;
    }
  }
  return (desc, message) => {
    check(validator, desc, message);
  };
}

function check(validator: Validator, desc: DescMessage, message: Message): void {
  const result = validator.validate(desc, message);
  if (result.kind === 'error') {
    throw result.error;
  }
  if (result.kind === 'invalid') {
    const violations = result.violations.map((violation) => ({
      field: pathToString(violation.field),
      description: describe(violation, desc, message),
    }));
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join('; ');
    throw new AccessError('FIELD_INVALID', text, { violations });
  }
}

function describe(violation: Violation, desc: DescMessage, message: Message): string {
  return `seen ${seenAt(violation.field, desc, message)}, wanted: ${violation.message}`;
}

function seenAt(path: Path, desc: DescMessage, message: Message): string {
  let node: unknown = reflect(desc, message);
  for (const part of path) {
    if (isReflectMessage(node) && part.kind === 'field') {
      node = node.isSet(part) || part.fieldKind !== 'message' ? node.get(part) : undefined;
    } else if (isReflectList(node) && part.kind === 'list_sub') {
      node = node.get(part.index);
    } else if (isReflectMap(node) && part.kind === 'map_sub') {
      node = node.get(part.key);
    } else {
      return 'none of its fields';
    }
  }
  const last = path.at(-1);
  const isPrivate = last?.kind === 'field' && privateTexts.has(last.name);
  return isPrivate && typeof node === 'string' ? `${node.length} characters` : show(node);
}

function show(value: unknown): string {
  if (typeof value === 'string') {
    return showSeen(value);
  }
  if (value instanceof Uint8Array) {
    return `${value.byteLength} bytes`;
  }
  if (isReflectList(value) || isReflectMap(value)) {
    return `${value.size} elements`;
  }
  if (isReflectMessage(value)) {
    return showMessage(value);
  }
  const isScalar = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
  return isScalar ? String(value) : 'nothing';
}

/** Durations and timestamps in their JSON form (`-1s`); other messages are too long to show. */
function showMessage(value: ReflectMessage): string {
  if (!value.desc.typeName.startsWith('google.protobuf.')) {
    return 'another message';
  }
  try {
    const json = toJson(value.desc, value.message);
    return typeof json === 'string' ? json : 'another message';
  } catch {
    return 'one out of range';
  }
}
