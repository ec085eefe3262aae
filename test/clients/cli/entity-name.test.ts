import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  actionArgument,
  entityArgument,
  formatEntity,
  parseAction,
  parseEntity,
} from '../../../clients/cli/entity-name.ts';

const typeWord = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,6}$/);
const type = fc.array(typeWord, { minLength: 1, maxLength: 3 }).map((words) => words.join('::'));
const id = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1 }),
    fc.string({ unit: fc.constantFrom('a', ':', '/', '"', '\\', ' ', "'"), minLength: 1 }),
  )
  .filter((text) => text.isWellFormed());
const entity = fc.record({ type, id });

describe('parseEntity', () => {
  test.each([
    ['Database::"orders"', 'Database', 'orders'],
    ['Database::orders', 'Database', 'orders'],
    ['Database/orders', 'Database', 'orders'],
    ['Acme::Db::"a b"', 'Acme::Db', 'a b'],
    ['Acme::Db::orders', 'Acme::Db', 'orders'],
    ['Repo/acme/web', 'Repo', 'acme/web'],
    ['Repo::"acme/web"', 'Repo', 'acme/web'],
    ['Service::spiffe://acme/ci', 'Service', 'spiffe://acme/ci'],
    ['User::"a::b"', 'User', 'a::b'],
    [String.raw`User::"q\"\\\n\t\0\x41\u{1F600}é"`, 'User', 'q"\\\n\t\0A\u{1F600}é'],
    ['User::ada@example.com', 'User', 'ada@example.com'],
  ])('%s', (given, wantedType, wantedId) => {
    expect(parseEntity(given, 'resource')).toEqual({ type: wantedType, id: wantedId });
  });

  test.each([
    '',
    'orders',
    'Database',
    'Database::',
    'Database/',
    'Database::""',
    '::orders',
    '/orders',
    '1Db::orders',
    'Data base::orders',
    'Database::"orders',
    'Database::orders"',
    'Database::"or"ders"',
    String.raw`Database::"orders\"`,
    String.raw`Database::"\q"`,
    String.raw`Database::"\u{110000}"`,
    String.raw`Database::"\u{d800}"`,
  ])('%j is refused with the value seen and the forms wanted', (given) => {
    expect(() => parseEntity(given, 'resource')).toThrow(
      `resource: seen ${JSON.stringify(given)}, wanted a type and an id: 'Database::"orders"', Database::orders or Database/orders`,
    );
  });

  test.each([
    ['Repo::acme/web', 'Repo::"acme/web" or Repo::acme::"web"'],
    ['Acme::Db/orders', 'Acme::"Db/orders" or Acme::Db::"orders"'],
  ])('%s could be two entities, so it is refused and both are named', (given, both) => {
    expect(() => parseEntity(given, 'resource')).toThrow(
      `seen "${given}", which could be ${both}; wanted the one that is meant, in single quotes`,
    );
  });

  test('every entity is read back from what is printed of it', () => {
    fc.assert(
      fc.property(entity, (given) => {
        expect(parseEntity(formatEntity(given), 'x')).toEqual(given);
        expect(parseEntity(entityArgument(given), 'x')).toEqual(given);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('parseAction', () => {
  test.each([
    ['read', '', 'read'],
    ['pods/exec', '', 'pods/exec'],
    ['Action::read', 'Action', 'read'],
    ['Acme::Action::"read"', 'Acme::Action', 'read'],
  ])('%s', (given, wantedType, wantedId) => {
    expect(parseAction(given, 'action')).toEqual({ type: wantedType, id: wantedId });
  });

  test.each(['', 'User::read', 'Acme::Reaction::read'])('%j is refused', (given) => {
    expect(() => parseAction(given, 'action')).toThrow(`action: seen ${JSON.stringify(given)}, wanted`);
  });

  test('every action is read back from what is printed of it', () => {
    const action = fc.record({ type: fc.constantFrom('', 'Action', 'Acme::Action'), id });
    fc.assert(
      fc.property(action, (given) => {
        const { type: read, id: readId } = parseAction(actionArgument(given), 'x');
        expect({ type: read === '' ? 'Action' : read, id: readId }).toEqual({
          ...given,
          type: given.type === '' ? 'Action' : given.type,
        });
      }),
    );
  });
});
