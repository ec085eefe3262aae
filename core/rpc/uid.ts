import { create } from '@bufbuild/protobuf';
import { fieldError } from '../access/access-error.ts';
import type { EntityUid } from '../access/entity.ts';
import { idTextWanted } from '../access/id-text.ts';
import { showSeen } from '../runtime/seen.ts';
import type { EntityUid as ProtoUid } from '../../proto/gen/curfew/type/v1/entity_pb.ts';
import { EntityUidSchema } from '../../proto/gen/curfew/type/v1/entity_pb.ts';

const maxBytes = 256;
const typePattern = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;
const plainId = /^[\x20-\x7e]{1,256}$/;

/**
 * A uid from the wire.
 *
 * @param field its path in the request, for the error
 * @throws AccessError FIELD_INVALID when absent or malformed
 */
export function fromProtoUid(uid: ProtoUid | undefined, field: string): EntityUid {
  const present = requireUid(uid, field);
  return { type: checkType(present.type, `${field}.type`), id: checkId(present.id, `${field}.id`) };
}

/** An action's uid from the wire; an empty type means `Action`. */
export function fromProtoAction(uid: ProtoUid | undefined, field: string): EntityUid {
  const present = requireUid(uid, field);
  const type = present.type === '' ? 'Action' : checkType(present.type, `${field}.type`);
  return { type, id: checkId(present.id, `${field}.id`) };
}

export function toProtoUid(uid: EntityUid): ProtoUid {
  return create(EntityUidSchema, { type: uid.type, id: uid.id });
}

/**
 * The id, when it is 1 to 256 bytes of well-formed text in normal form C without control, direction-changing or invisible characters:
 * what people compare by eye must be what Cedar compares.
 */
export function checkId(id: string, field: string): string {
  if (plainId.test(id)) {
    return id;
  }
  const problem = idProblem(id);
  if (problem !== undefined) {
    throw fieldError(field, `seen ${showSeen(id)}, wanted ${problem}`);
  }
  return id;
}

function idProblem(id: string): string | undefined {
  const sizeBytes = Buffer.byteLength(id);
  if (sizeBytes === 0 || sizeBytes > maxBytes) {
    return `1 to ${maxBytes} bytes (this is ${sizeBytes})`;
  }
  return idTextWanted(id);
}

function checkType(type: string, field: string): string {
  if (type.length === 0 || type.length > maxBytes || !typePattern.test(type)) {
    throw fieldError(
      field,
      `seen ${showSeen(type)}, wanted a Cedar entity type such as "User" or "Acme::Database"`,
    );
  }
  return type;
}

function requireUid(uid: ProtoUid | undefined, field: string): ProtoUid {
  if (uid === undefined) {
    throw fieldError(field, 'absent, wanted an entity with type and id');
  }
  return uid;
}
