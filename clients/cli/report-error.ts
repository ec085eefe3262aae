import { CurfewError } from '../sdk/index.ts';
import { CliError } from './cli-error.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { printable, printableJson } from './printable.ts';
import { findReason } from './reason-catalogue.ts';

/** What stderr gets for an error, and the exit code. */
export interface ErrorReport {
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;
}

/** How an error is shown. */
export interface ErrorScreen {
  readonly isJson: boolean;
  /** Another command as it can be pasted. */
  readonly command: (...words: readonly string[]) => string;
}

/** Any error in one clear message: what is wrong, what to do next and where more is said about it. */
export function reportError(error: unknown, { isJson, command }: ErrorScreen): ErrorReport {
  const code = error instanceof CliError ? error.exitCode : exitCode.error;
  const next =
    error instanceof CliError ? error.next : error instanceof CurfewError ? nextStep(error) : undefined;
  if (isJson) {
    const { code: status, reason, metadata, violations } = error instanceof CurfewError ? error : {};
    const json = { error: { message: messageOf(error), next, status, reason, metadata, violations } };
    return { lines: [printableJson(json)], exitCode: code };
  }
  const messages = error instanceof CurfewError ? remoteMessages(error) : [messageOf(error)];
  const lines = messages.map((message) => `error: ${printable(message)}`);
  if (next !== undefined) lines.push(`Next: ${printable(next)}`);
  const more = moreAbout(error);
  if (more !== undefined) lines.push(`More: ${command(...more)}`);
  return { lines, exitCode: code };
}

/** The command that says more: of a bad field the error itself says everything. */
function moreAbout(error: unknown): readonly string[] | undefined {
  if (!(error instanceof CurfewError)) return undefined;
  if (isUnreachable(error)) return ['doctor'];
  const { reason } = error;
  const isKnown = reason !== undefined && reason !== 'FIELD_INVALID' && findReason(reason) !== undefined;
  return isKnown ? ['explain', reason] : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One line for each bad field; Curfew's own message otherwise, with the reason that programs go by. */
function remoteMessages(error: CurfewError): readonly string[] {
  const name = error.reason ?? error.code;
  if (error.violations.length === 0) return [`${error.message} (${name})`];
  return error.violations.map(({ field, description }) => `${field}: ${description} (${name})`);
}

/** Whether it was not a Curfew that said so: nothing answers there, or something else does. */
function isUnreachable({ code, reason }: CurfewError): boolean {
  return reason === undefined && code === 'UNAVAILABLE';
}

const byReason: Readonly<Record<string, string>> = {
  CREDENTIALS_MISSING: 'add --as NAME (development) or --token-file FILE, or set CURFEW_TOKEN_FILE',
  TOKEN_INVALID: 'get a new token; in development npm start writes new ones',
  TOKEN_EXPIRED: 'get a new token; in development npm start writes new ones',
  CALLER_UNKNOWN: 'ask an administrator to add you to the directory',
  NOT_PERMITTED: 'look at who you are to Curfew: curfew whoami',
  LOCKED: 'look at the locks that you may see: curfew locks',
  SELF_UNLOCK: 'ask somebody else who may unlock',
  LOCK_NOT_FOUND: 'look at the locks that you may see: curfew locks --all',
  LOCK_LIFTED: 'look at what still holds: curfew locks',
  NOT_REQUESTABLE: 'ask whoever keeps the policies for a workflow that lets you in',
  ACTION_TAKES_NO_GRANT: 'ask whoever keeps the policies to permit it, or to let the action take grants',
  DURATION_TOO_LONG: 'ask for less with --duration',
  UNANSWERABLE: 'ask whoever keeps the directory and the policies: nobody could approve this',
  TOO_MANY_OPEN: 'withdraw what is not needed any more: curfew requests --mine --state pending',
  OVERLOADED: 'wait a moment and run the command again; curfew status answers meanwhile',
  SELF_REVIEW: 'let somebody else review it',
  NOT_A_REVIEWER: 'look at what you may review: curfew requests --to-review',
  AUTHENTICATION_INSUFFICIENT:
    'sign in again with your identity provider, put the new token in CURFEW_TOKEN or CURFEW_TOKEN_FILE, and vote again',
  ALREADY_REVIEWED: 'look at what else you may review: curfew requests --to-review',
  REQUEST_NOT_PENDING: 'look at what became of it: curfew requests show ID',
  NOTHING_LEFT: 'narrow it less, or deny: curfew requests show ID',
  NO_REVIEW: 'look at the request again: curfew requests show ID',
  GRANT_STATE: 'look at your grants: curfew grants --mine',
  EXTENSION_LIMIT: 'ask anew when it has ended: curfew request',
  EXTENSION_PENDING: 'look at your requests: curfew requests --mine',
  USE_NOT_ACKNOWLEDGED: 'wait a moment and run the command again',
  GRANT_ENDED: 'look at what is live: curfew grants --state active',
  REQUEST_NOT_FOUND: 'look at your requests: curfew requests --mine',
  GRANT_NOT_FOUND: 'look at your grants: curfew grants --mine',
  REQUEST_HASH_MISMATCH: 'look at the request again and vote on what it says now',
  CONFLICT: 'run the command again',
  STALE: 'wait a moment and run the command again; curfew status says how current decisions are',
  NOT_READY: 'wait a moment and run the command again',
  DATABASE_UNAVAILABLE: 'wait a moment and run the command again',
};

/** The option of `curfew request` and its like that a field of the API is given by. */
function optionFor(field: string): string {
  const name = /^(?:items\[\d+\]\.)?(reason|ticket|duration|subject|comment|workflow)\b/.exec(field)?.[1];
  return name === undefined ? '' : ` with --${name}`;
}

function nextStep(error: CurfewError): string | undefined {
  if (isUnreachable(error))
    return 'start Curfew with npm start, or set CURFEW_ADDRESS to the host where it runs';
  const [violation] = error.violations;
  if (error.reason !== undefined && byReason[error.reason] !== undefined) return byReason[error.reason];
  if (violation !== undefined) return `correct it${optionFor(violation.field)} and run the command again`;
  return error.code === 'DEADLINE_EXCEEDED'
    ? 'run the command again; curfew status says what is reachable'
    : undefined;
}
