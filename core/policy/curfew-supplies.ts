import type { TypeShape } from './schema-shape.ts';

/** A field of a record that Curfew supplies. */
export interface SuppliedField {
  /** People and services may have any entity type. */
  readonly type: TypeShape | 'person' | 'service';
  /** Curfew leaves it out at times, so the schema must say `?`. */
  readonly isOptional: boolean;
}

const STRING: TypeShape = { kind: 'string' };
const STRINGS: TypeShape = { kind: 'set', element: STRING };
const BOOL: TypeShape = { kind: 'bool' };

/** Also the type of `context.now`. */
export const DATETIME: TypeShape = { kind: 'extension', name: 'datetime' };

const always = (type: SuppliedField['type']): SuppliedField => ({ type, isOptional: false });
const sometimes = (type: SuppliedField['type']): SuppliedField => ({ type, isOptional: true });

/** `Curfew::Grant`. */
export const GRANT: Readonly<Record<string, SuppliedField>> = {
  id: always(STRING),
  workflow: always(STRING),
  steps: always(STRINGS),
  reason: always(STRING),
  ticket: sometimes(STRING),
  breakGlass: always(BOOL),
  startsAt: always(DATETIME),
  expiresAt: always(DATETIME),
};

/** `Curfew::AccessRequest`. */
export const ACCESS_REQUEST: Readonly<Record<string, SuppliedField>> = {
  id: always(STRING),
  requester: sometimes('person'),
  requesterService: sometimes('service'),
  subject: sometimes('person'),
  subjectService: sometimes('service'),
  actions: always(STRINGS),
  reason: always(STRING),
  ticket: sometimes(STRING),
  duration: always({ kind: 'extension', name: 'duration' }),
  startsAt: sometimes(DATETIME),
  workflow: sometimes(STRING),
  breakGlass: always(BOOL),
  extension: always({ kind: 'long' }),
};

/** `context.auth`: how the principal signed in. */
export const AUTH: Readonly<Record<string, SuppliedField>> = {
  time: sometimes(DATETIME),
  methods: always(STRINGS),
};

/** What Curfew asks an action about. */
export interface SuppliedAction {
  readonly principals: readonly ('person' | 'service')[];
  readonly resources: 'any' | 'domain' | 'system' | 'asked-about';
  readonly hasRequest: boolean;
  /** Whether its context may say how the principal signed in; not unless said. */
  readonly hasAuth?: boolean;
}

const ANYBODY = ['person', 'service'] as const;
const ABOUT_REQUEST: SuppliedAction = { principals: ANYBODY, resources: 'domain', hasRequest: true };
const LOCKING: SuppliedAction = { principals: ['person'], resources: 'any', hasRequest: false };
const ABOUT_SYSTEM: SuppliedAction = { principals: ANYBODY, resources: 'system', hasRequest: false };
const ASKING: SuppliedAction = { principals: ANYBODY, resources: 'asked-about', hasRequest: false };

/** `Curfew::Action`, by id. */
export const ACTIONS: Readonly<Record<string, SuppliedAction>> = {
  request: ABOUT_REQUEST,
  requestFor: ABOUT_REQUEST,
  revoke: ABOUT_REQUEST,
  view: ABOUT_REQUEST,
  approve: { ...ABOUT_REQUEST, principals: ['person'], hasAuth: true },
  lock: LOCKING,
  unlock: LOCKING,
  audit: ABOUT_SYSTEM,
  administer: ABOUT_SYSTEM,
  authorize: ASKING,
  explain: ASKING,
  watch: ASKING,
};
