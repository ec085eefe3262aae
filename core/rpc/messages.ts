import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { AccessError } from '../access/access-error.ts';

/**
 * How deep messages may nest to be decoded at all. The deepest good request is at about 55; what lies between is decoded so that the
 * conversion of values can name the path that is too deep.
 */
const maxMessageDepth = 1_000;

/** A request as it came in. @throws AccessError FIELD_INVALID when its bytes are no such message */
export function decode<D extends DescMessage>(desc: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(desc, bytes, { readUnknownFields: false, recursionLimit: maxMessageDepth });
  } catch (cause) {
    const seen = cause instanceof Error ? cause.message : 'unreadable bytes';
    const message = `the request is no well-formed ${desc.typeName}: ${seen}; strings must be UTF-8`;
    throw new AccessError('FIELD_INVALID', message, { cause });
  }
}

/** An answer as it goes out. */
export function encode(desc: DescMessage, response: Record<string, unknown>): Uint8Array {
  return toBinary(desc, create(desc, response));
}
