import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { argumentError, CurfewError } from './curfew-error.ts';

/** A message as bytes. @throws CurfewError INVALID_ARGUMENT when protobuf cannot say it exactly */
export function encodeMessage<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Buffer {
  try {
    const message = create(schema, init);
    refuseLoneSurrogates(message, '');
    const bytes = toBinary(schema, message);
    // A view may begin inside a larger buffer.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    if (error instanceof CurfewError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new CurfewError('INVALID_ARGUMENT', message, { reason: 'FIELD_INVALID', cause: error });
  }
}

/** Bytes as a message. @throws CurfewError INTERNAL when they are none, or those of another message */
export function decodeMessage<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  let message: MessageShape<D>;
  try {
    message = fromBinary(schema, bytes);
  } catch (cause) {
    throw noMessage(schema, cause);
  }
  // protobuf-es reads a field by its number alone: an ALLOW inside some other message would become the answer. Fields of a later
  // version are kept, and count.
  if (toBinary(schema, message).byteLength !== bytes.byteLength) throw noMessage(schema);
  return message;
}

function noMessage({ typeName }: DescMessage, cause?: unknown): CurfewError {
  const message = `the answer is no ${typeName}; is this address a Curfew service?`;
  return new CurfewError('INTERNAL', message, { cause });
}

/** protobuf-es would write U+FFFD in their place, and the id of something else would go out. */
function refuseLoneSurrogates(value: unknown, path: string): void {
  if (typeof value === 'string' && !value.isWellFormed())
    throw argumentError(
      path,
      `seen ${JSON.stringify(value)}, wanted well-formed Unicode (it has half a surrogate pair)`,
    );
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const [key, member] of Object.entries(value)) {
    const place = path === '' ? key : `${path}.${key}`;
    refuseLoneSurrogates(key, place);
    refuseLoneSurrogates(member, place);
  }
}
