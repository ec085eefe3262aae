import {
  EndReasonSchema,
  type Grant,
  GrantState,
  GrantStateSchema,
  RequestState,
  RequestStateSchema,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { usageError } from './cli-error.ts';
import type { Cell } from './columns.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import type { Palette } from './terminal.ts';

/** The state of a request or an item, in its colour. */
export function requestState(state: RequestState, paint: Palette): Cell {
  return { text: RequestStateSchema.value[state]?.localName ?? `state ${state}`, paint: paint[mood(state)] };
}

/** The state of a grant, why it ended, and whether a lock stops it meanwhile. */
export function grantState(grant: Grant, paint: Palette): Cell {
  const name = GrantStateSchema.value[grant.state]?.localName ?? `state ${grant.state}`;
  const why =
    grant.endReason === 0 ? '' : ` (${EndReasonSchema.value[grant.endReason]?.localName ?? grant.endReason})`;
  if (grant.locks.length > 0) return { text: `${name} (LOCKED)`, paint: paint.bad };
  return { text: name + why, paint: paint[grantMood(grant.state)] };
}

function grantMood(state: GrantState): 'good' | 'waiting' | 'faint' {
  if (state === GrantState.ACTIVE) return 'good';
  return state === GrantState.SCHEDULED || state === GrantState.CLAIMABLE ? 'waiting' : 'faint';
}

/** What the process says about a request that stands so. */
export function requestExitCode(state: RequestState): ExitCode {
  switch (state) {
    case RequestState.APPROVED:
      return exitCode.ok;
    case RequestState.PENDING:
      return exitCode.pending;
    case RequestState.EXPIRED:
      return exitCode.expired;
    default:
      return exitCode.denied;
  }
}

/** Reads `pending,approved`. @throws CliError usage naming the states there are */
export function parseRequestStates(given: string): readonly RequestState[] {
  return parseStates(given, RequestStateSchema) as RequestState[]; // numbers of this enum
}

/** Reads `active,ended`. @throws CliError usage naming the states there are */
export function parseGrantStates(given: string): readonly GrantState[] {
  return parseStates(given, GrantStateSchema) as GrantState[]; // numbers of this enum
}

interface States {
  readonly values: readonly { readonly localName: string; readonly number: number }[];
}

function parseStates(given: string, { values }: States): readonly number[] {
  const known = values.filter((value) => value.number !== 0);
  return given.split(',').map((word) => {
    const name = word.trim().toUpperCase().replaceAll('-', '_');
    const state = known.find(({ localName }) => localName === name);
    if (state !== undefined) return state.number;
    const wanted = known.map(({ localName }) => localName.toLowerCase()).join(', ');
    throw usageError(
      '--state',
      `seen ${JSON.stringify(word)}, wanted one or more of ${wanted}, with commas between`,
    );
  });
}

function mood(state: RequestState): 'good' | 'waiting' | 'bad' | 'faint' {
  switch (state) {
    case RequestState.APPROVED:
      return 'good';
    case RequestState.PENDING:
    case RequestState.PARTIALLY_APPROVED:
      return 'waiting';
    case RequestState.DENIED:
      return 'bad';
    default:
      return 'faint';
  }
}
