import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { uidKey } from '../../core/access/entity.ts';
import { type CallerQuestion, MAX_CALLER_ENTITIES } from '../../core/policy/check-question.ts';
import { fromProtoAction, fromProtoUid } from '../../core/rpc/uid.ts';
import { fromProtoContext, fromProtoEntity } from '../../core/rpc/values.ts';
import { showSeen } from '../../core/runtime/seen.ts';
import type { AuthorizeRequest } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { QUESTION_BYTES, USE_ID_BYTES } from './limits.ts';

/** A question as asked, well formed; whether the schema knows its words is not checked yet. */
export interface Question extends CallerQuestion {
  readonly atLeastRevision: bigint;
  readonly explain: boolean;
  /** Whether it is a rehearsal that uses nothing. */
  readonly dryRun: boolean;
  /** Names one use of a counted grant; empty when the caller has no name for it. */
  readonly useId: string;
  /** Ids of grants by which it is not permitted any more: their use was refused. */
  readonly without?: ReadonlySet<string>;
  /** Ids of grants that are said to have counted the use before: the last that was named is asked first. */
  readonly counted?: readonly string[];
  /** What its fields are called in errors: "" or `requests[3].`. */
  readonly prefix: string;
}

/** @throws AccessError FIELD_INVALID, CONTEXT_RESERVED, naming the field below `prefix` */
export function readQuestion(request: AuthorizeRequest, prefix = ''): Question {
  const principal = fromProtoUid(request.principal, `${prefix}principal`);
  const action = fromProtoAction(request.action, `${prefix}action`);
  const resource = fromProtoUid(request.resource, `${prefix}resource`);
  const context = fromProtoContext(request.context, `${prefix}context`);
  const { atLeastRevision, explain, dryRun, useId } = request;
  checkUseId(useId, `${prefix}use_id`);
  return {
    principal,
    action,
    resource,
    context,
    entities: readEntities(request, `${prefix}entities`),
    atLeastRevision,
    explain,
    dryRun,
    useId,
    prefix,
  };
}

/** @throws AccessError TOO_MUCH */
export function checkQuestionSize(sizeBytes: number, name: string): void {
  if (sizeBytes <= QUESTION_BYTES) return;
  const limit = String(QUESTION_BYTES);
  const message = `${name} is ${sizeBytes} bytes, wanted at most ${limit}; send less context or fewer entities`;
  throw new AccessError('TOO_MUCH', message, { metadata: { limit, unit: 'bytes' } });
}

function readEntities({ entities }: AuthorizeRequest, field: string): Question['entities'] {
  if (entities.length > MAX_CALLER_ENTITIES) {
    throw fieldError(field, `seen ${entities.length} entities, wanted at most ${MAX_CALLER_ENTITIES}`);
  }
  const seen = new Set<string>();
  return entities.map((sent, index) => {
    const entity = fromProtoEntity(sent, `${field}[${index}]`);
    const key = uidKey(entity.uid);
    if (seen.has(key))
      throw fieldError(`${field}[${index}].uid`, `seen ${key} twice, wanted each entity once`);
    seen.add(key);
    return entity;
  });
}

function checkUseId(useId: string, field: string): void {
  if (Buffer.byteLength(useId) > USE_ID_BYTES) {
    throw fieldError(field, `seen ${showSeen(useId)}, wanted at most ${USE_ID_BYTES} bytes`);
  }
}
