import { BinaryReader } from '@bufbuild/protobuf/wire';
import { AuthorizeRequestSchema } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';

/** Bytes of a UUID, by which the SDK names the use of each call. */
const UUID_BYTES = 36;
const TAG = (AuthorizeRequestSchema.field.useId.number << 3) | 2; // 2: length-delimited
/** Bytes of the field in which it stands. */
const FIELD_BYTES = UUID_BYTES + 2;

/**
 * How many bytes of a question stand before a `use_id` of a UUID's length that ends it: all, when it ends otherwise. The bytes alone do
 * not tell whether the same are the end of something else: see `isFieldAt`.
 */
export function lengthBeforeUse(bytes: Uint8Array): number {
  const before = bytes.length - FIELD_BYTES;
  if (before < 0 || bytes[before] !== TAG || bytes[before + 1] !== UUID_BYTES) return bytes.length;
  // Others may be no text at all, which is for the decoder to say.
  for (let at = before + 2; at < bytes.length; at += 1) if ((bytes[at] ?? 0) > 0x7e) return bytes.length;
  return before;
}

/** Whether a field of the question itself begins there. */
export function isFieldAt(bytes: Uint8Array, at: number): boolean {
  const reader = new BinaryReader(bytes);
  while (reader.pos < at) {
    const [no, type] = reader.tag();
    reader.skip(type, no);
  }
  return reader.pos === at;
}
