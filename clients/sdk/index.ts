export type { AccessWish, AccessWishItem, WatchOptions } from './access.ts';
export { isDecided } from './access.ts';
export type { CallOptions } from './channel.ts';
export { createCurfew, type Curfew, type CurfewOptions, type CurfewServices } from './curfew.ts';
export { CurfewError, type ErrorCode, type Violation } from './curfew-error.ts';
export type { Decision } from './decision.ts';
export type { TlsOptions } from './endpoint.ts';
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
