import type { EntityName } from '../sdk/index.ts';
import { usageError } from './cli-error.ts';
import { printable } from './printable.ts';

const typePath = /^[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*$/;
const cedarNotation = /^(?<type>[^"]+)::(?<literal>".*")$/s;

/**
 * Reads an entity: `Database::"orders"` as Cedar writes it, or `Database::orders` or `Database/orders`, which need no quotes in a
 * shell. The id begins after the last `::`, or after the first `/`; an id that has these itself must be quoted.
 *
 * @param what names the argument in errors
 * @throws CliError usage
 */
export function parseEntity(given: string, what: string): EntityName {
  const cedar = cedarNotation.exec(given)?.groups;
  if (cedar !== undefined) {
    const { type = '', literal = '' } = cedar;
    const id = readLiteral(literal);
    if (id !== undefined && isType(type)) return checked({ type, id }, given, what);
    throw refuse(given, what);
  }
  const candidates = [
    splitAt(given, given.lastIndexOf('::'), 2),
    splitAt(given, given.indexOf('/'), 1),
  ].filter((candidate) => candidate !== undefined);
  const [only, other] = candidates;
  if (only === undefined || given.includes('"')) throw refuse(given, what);
  if (other !== undefined)
    throw usageError(
      what,
      `seen ${JSON.stringify(given)}, which could be ${formatEntity(only)} or ${formatEntity(other)}; ` +
        'wanted the one that is meant, in single quotes',
    );
  return checked(only, given, what);
}

/** Reads an action: its id, `read`, or its full name, `Acme::Action::"read"` or `Acme::Action::read`. @throws CliError usage */
export function parseAction(given: string, what: string): EntityName {
  if (!given.includes('::')) return checked({ type: '', id: given }, given, what);
  const action = parseEntity(given, what);
  const isAction = /(?:^|::)Action$/.test(action.type);
  if (isAction) return action;
  throw usageError(
    what,
    `seen ${JSON.stringify(given)}, wanted the id of an action, read, or its full name, Acme::Action::"read"`,
  );
}

/** An entity as Cedar writes it, harmless to a terminal and still exact; an action without a type by its id alone. */
export function formatEntity({ type, id }: EntityName): string {
  return type === '' ? id : `${type}::${printable(JSON.stringify(id))}`;
}

/** The shortest form that is read back as the same entity. */
export function entityArgument(entity: EntityName): string {
  const short = `${entity.type}::${entity.id}`;
  const readBack = printable(short) === short ? parsed(() => parseEntity(short, '')) : undefined;
  return isSame(readBack, entity) ? short : formatEntity(entity);
}

/** The shortest form that is read back as the same action, for an empty type means Action. */
export function actionArgument({ type, id }: EntityName): string {
  const isPlain = type === '' || type === 'Action';
  if (isPlain && !id.includes('::') && printable(id) === id) return id;
  return entityArgument({ type: isPlain ? 'Action' : type, id });
}

function splitAt(given: string, at: number, width: number): EntityName | undefined {
  const type = given.slice(0, Math.max(at, 0));
  const id = given.slice(at + width);
  return at > 0 && isType(type) && id !== '' ? { type, id } : undefined;
}

function isType(text: string): boolean {
  return typePath.test(text);
}

/** Cedar's string literals: JSON's escapes, and \0, \', \x41 and \u{1F600}. */
function readLiteral(literal: string): string | undefined {
  const body = literal.slice(1, -1);
  if (/(?:^|[^\\])(?:\\\\)*"/.test(body)) return undefined;
  let isWhole = true;
  const id = body.replace(
    /\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-7][0-9A-Fa-f])|(.?))/gs,
    (_escape, braced?: string, four?: string, two?: string, letter?: string) => {
      const code = braced ?? four ?? two;
      const known = code === undefined ? escapes.get(letter ?? '') : fromCodePoint(Number.parseInt(code, 16));
      if (known === undefined) isWhole = false;
      return known ?? '';
    },
  );
  return isWhole ? id : undefined;
}

const escapes = new Map(
  Object.entries({
    n: '\n',
    r: '\r',
    t: '\t',
    '\\': '\\',
    '"': '"',
    "'": "'",
    0: '\0',
    b: '\b',
    f: '\f',
    '/': '/',
  }),
);

function fromCodePoint(code: number): string | undefined {
  return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? undefined : String.fromCodePoint(code);
}

function checked(entity: EntityName, given: string, what: string): EntityName {
  if (entity.id === '' || !given.isWellFormed()) throw refuse(given, what);
  return entity;
}

function refuse(given: string, what: string): Error {
  return usageError(
    what,
    `seen ${JSON.stringify(given)}, wanted a type and an id: 'Database::"orders"', Database::orders or Database/orders`,
  );
}

function parsed(parse: () => EntityName): EntityName | undefined {
  try {
    return parse();
  } catch {
    return undefined; // the short form says something else, or nothing
  }
}

function isSame(a: EntityName | undefined, b: EntityName): boolean {
  return a?.type === b.type && a.id === b.id;
}
