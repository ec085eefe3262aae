import type { ErrorReason } from '../../proto/gen/curfew/type/v1/error_reason_pb.ts';
import type { ErrorCode } from '../sdk/index.ts';
import { callReasons } from './call-reasons.ts';
import { stateReasons } from './state-reasons.ts';

/** A name of `curfew.type.v1.ErrorReason` without its prefix, of those that are sent. */
export type ReasonName = Exclude<keyof typeof ErrorReason, 'UNSPECIFIED'>;

/** What there is to know about a reason; each text is one or more sentences without the final full stop. */
export interface ReasonEntry {
  /** The gRPC code that it comes with. */
  readonly code: ErrorCode;
  /** As the comment in the proto has it. */
  readonly meaning: string;
  /** How it comes about. */
  readonly cause: string;
  /** What to do. */
  readonly remedy: string;
}

/** Every reason for which a call fails, in the order of the proto; `docs/errors.md` shows the same. */
export const reasonCatalogue: Readonly<Record<ReasonName, ReasonEntry>> = { ...callReasons, ...stateReasons };

/** The entry of a reason; undefined for a name that is none. */
export function findReason(name: string): ReasonEntry | undefined {
  return Object.hasOwn(reasonCatalogue, name) ? reasonCatalogue[name as ReasonName] : undefined; // just looked up
}
