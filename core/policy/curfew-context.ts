import { formatDuration } from '../access/duration.ts';
import type { Attributes, EntityUid, Value } from '../access/entity.ts';
import type { SignIn } from '../access/sign-in.ts';
import type { ActionShape, AttributesShape, SchemaShape } from './schema-shape.ts';

/** What a policy may see of a live grant: `context.grant`. */
export interface GrantFacts {
  readonly id: string;
  readonly workflow: string;
  readonly steps: readonly string[];
  readonly reason: string;
  readonly ticket?: string;
  readonly breakGlass: boolean;
  readonly startsAt: Date;
  readonly expiresAt: Date;
}

/** What a policy may see of an access request: `context.request`, one item of it. */
export interface RequestFacts {
  readonly id: string;
  /** A person or a service, told apart by the schema's types. */
  readonly requester: EntityUid;
  readonly subject: EntityUid;
  /** Ids of the actions, groups expanded. */
  readonly actions: readonly string[];
  readonly reason: string;
  readonly ticket?: string;
  readonly durationMs: number;
  readonly startsAt?: Date;
  /** The workflow, once one is chosen. */
  readonly workflow?: string;
  readonly breakGlass: boolean;
  readonly extension: bigint;
}

/**
 * The context of a question to the access set: what the caller sent, and `now` and `grant` where the action declares them.
 * `grant` is undefined for the standing evaluation.
 */
export function accessContext(input: {
  readonly action: ActionShape;
  readonly sent: Attributes;
  readonly now: Date;
  readonly grant?: GrantFacts | undefined;
}): Attributes {
  const context = new Map(input.sent);
  context.delete('grant');
  context.delete('now');
  if (input.action.context.has('now')) context.set('now', datetime(input.now));
  const declared = input.action.context.get('grant')?.type;
  if (input.action.takesGrants && input.grant !== undefined && declared?.kind === 'record')
    context.set('grant', declaredFields(declared.attributes, grantFields(input.grant)));
  return context;
}

/** The context of a question about a `Curfew::Action`: `now`, and `request` and `auth` where the action declares them; only declared fields. */
export function curfewContext(input: {
  readonly shape: SchemaShape;
  readonly action: ActionShape;
  readonly now: Date;
  readonly request?: RequestFacts | undefined;
  /** The principal's. */
  readonly signIn?: SignIn | undefined;
}): Attributes {
  const { shape, action, now, request, signIn } = input;
  const context = new Map<string, Value>();
  if (action.context.has('now')) context.set('now', datetime(now));
  const declared = action.context.get('request')?.type;
  if (request !== undefined && declared?.kind === 'record')
    context.set('request', declaredFields(declared.attributes, requestFields(shape, request)));
  const auth = action.context.get('auth')?.type;
  if (signIn !== undefined && auth?.kind === 'record')
    context.set('auth', declaredFields(auth.attributes, authFields(signIn)));
  return context;
}

type Fields = Readonly<Record<string, Value | undefined>>;

function grantFields(grant: GrantFacts): Fields {
  return {
    id: string(grant.id),
    workflow: string(grant.workflow),
    steps: strings(grant.steps),
    reason: string(grant.reason),
    ticket: optional(grant.ticket, string),
    breakGlass: { kind: 'bool', value: grant.breakGlass },
    startsAt: datetime(grant.startsAt),
    expiresAt: datetime(grant.expiresAt),
  };
}

function requestFields(shape: SchemaShape, request: RequestFacts): Fields {
  const person = (uid: EntityUid): Value | undefined =>
    shape.personTypes.includes(uid.type) ? entity(uid) : undefined;
  const service = (uid: EntityUid): Value | undefined =>
    shape.serviceTypes.includes(uid.type) ? entity(uid) : undefined;
  return {
    id: string(request.id),
    requester: person(request.requester),
    requesterService: service(request.requester),
    subject: person(request.subject),
    subjectService: service(request.subject),
    actions: strings(request.actions),
    reason: string(request.reason),
    ticket: optional(request.ticket, string),
    duration: { kind: 'extension', function: 'duration', argument: formatDuration(request.durationMs) },
    startsAt: optional(request.startsAt, datetime),
    workflow: optional(request.workflow, string),
    breakGlass: { kind: 'bool', value: request.breakGlass },
    extension: { kind: 'long', value: request.extension },
  };
}

function authFields({ at, methods }: SignIn): Fields {
  return { time: optional(at, datetime), methods: strings(methods) };
}

/** Only what the schema declares: policies were validated for nothing else. */
function declaredFields(declared: AttributesShape, fields: Fields): Value {
  const present = new Map<string, Value>();
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && declared.has(name)) present.set(name, value);
  return { kind: 'record', fields: present };
}

function string(value: string): Value {
  return { kind: 'string', value };
}

function strings(values: readonly string[]): Value {
  return { kind: 'set', values: values.map(string) };
}

function entity(uid: EntityUid): Value {
  return { kind: 'entity', uid };
}

/** Cedar's instants have milliseconds, as `Date` does. Most are read by nobody, and to write one costs more than all else of a context. */
function datetime(at: Date): Value {
  return {
    kind: 'extension',
    function: 'datetime',
    get argument() {
      return at.toISOString();
    },
  };
}

function optional<T>(value: T | undefined, of: (value: T) => Value): Value | undefined {
  return value === undefined ? undefined : of(value);
}
