export type {
  AccessOption,
  AuthorizeResponse,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
export {
  type AccessRequest,
  type Grant,
  GrantState,
  RequestState,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
export type {
  ExtendGrantResponse,
  RequestAccessResponse,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
export type { AccessWish, AccessWishItem, ExtensionWish, WatchOptions } from './access.ts';
export { isDecided } from './access.ts';
export { AccessDenied } from './access-denied.ts';
export { createCurfew, type Curfew, type CurfewOptions, type CurfewServices } from './curfew.ts';
export { CurfewError, type ErrorCode, type Violation } from './curfew-error.ts';
export type { Decisions } from './decide.ts';
export type { Decision } from './decision.ts';
export type { EdgeStatus } from './edge/edge-cache.ts';
export type { EdgeCacheOptions } from './edge/open-edge.ts';
export type { TlsOptions } from './endpoint.ts';
export type { CallOptions } from './patience.ts';
export type { Question, QuestionEntity } from './question.ts';
export type { ClientMethod, ServiceClient } from './service-client.ts';
export type { TokenSource } from './token-source.ts';
export {
  entity,
  type EntityName,
  extension,
  type ExtensionFunction,
  fromValue,
  type PlainValue,
  toValue,
} from './value.ts';
