import type { MessageInitShape } from '@bufbuild/protobuf';
import type { AuthorizeRequestSchema } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { type EntityName, type PlainValue, toFields } from './value.ts';

/** May this principal do this action on this resource in this context? */
export interface Question {
  readonly principal: EntityName;
  /** The id of an action (`read`), or its full name where it has a namespace. */
  readonly action: string | EntityName;
  readonly resource: EntityName;
  /** The application's facts. `grant` and `now` are Curfew's. */
  readonly context?: Readonly<Record<string, PlainValue>>;
  /** Documents of the application, only of types marked `@caller` in the schema. */
  readonly entities?: readonly QuestionEntity[];
  /** The revision that a change answered with: the decision is made on that or a later one. */
  readonly atLeastRevision?: bigint;
  /** Whether a deny lists how to get access. */
  readonly explain?: boolean;
  /** Whether this is a rehearsal that uses nothing. */
  readonly dryRun?: boolean;
  /** Names one use of a metered grant: the same id is one use. */
  readonly useId?: string;
}

/** An entity that the caller sends along. */
export interface QuestionEntity {
  readonly uid: EntityName;
  readonly attributes?: Readonly<Record<string, PlainValue>>;
  readonly parents?: readonly EntityName[];
  readonly tags?: Readonly<Record<string, PlainValue>>;
}

/** The question as it goes over the wire. @throws CurfewError INVALID_ARGUMENT naming the field */
export function toAuthorizeRequest(question: Question): MessageInitShape<typeof AuthorizeRequestSchema> {
  const { principal, action, resource, context = {}, entities = [] } = question;
  return {
    principal: nameOnly(principal),
    action: typeof action === 'string' ? { type: '', id: action } : nameOnly(action),
    resource: nameOnly(resource),
    context: toFields(context, 'context'),
    entities: entities.map(({ uid, attributes = {}, parents = [], tags = {} }, index) => ({
      uid: nameOnly(uid),
      attributes: toFields(attributes, `entities[${index}].attributes`),
      parents: parents.map(nameOnly),
      tags: toFields(tags, `entities[${index}].tags`),
    })),
    atLeastRevision: question.atLeastRevision ?? 0n,
    explain: question.explain ?? false,
    dryRun: question.dryRun ?? false,
    useId: question.useId ?? '',
  };
}

function nameOnly({ type, id }: EntityName): { type: string; id: string } {
  return { type, id };
}
