import { expect, test } from 'vitest';
import { idTextWanted, mixedScripts } from '../../../core/access/id-text.ts';

test.each([
  ['zoe\u0301', 'Unicode normal form C'],
  ['\u212bngström', 'Unicode normal form C'],
  ['ad\u200ba', 'no invisible characters'],
  ['ada\u00ad', 'no invisible characters'],
  ['ada\ufe0f', 'no invisible characters'],
  ['\u3164', 'no invisible characters'],
  ['\ufeffada', 'no invisible characters'],
  ['ada\u{e0041}', 'no invisible characters'],
  ['a\u202eda', 'no control or direction-changing characters'],
  ['a\nda', 'no control or direction-changing characters'],
  ['\ud800', 'well-formed Unicode (this has a lone surrogate)'],
])('D13 the id %j is refused', (id, wanted) => {
  expect(idTextWanted(id)).toBe(wanted);
});

test.each(['ada', 'zoé', 'Åsa', 'иван', '数据库', 'データ', '김', 'σοφία', '🦀', 'a b/c:d"e'])(
  'D13 the id %s is taken as it is',
  (id) => {
    expect(idTextWanted(id)).toBeUndefined();
    expect(mixedScripts(id)).toEqual([]);
  },
);

test.each([
  ['pr\u043ed', ['Latin', 'Cyrillic']],
  ['\u03bfrders', ['Latin', 'Greek']],
  ['\u0570ost', ['Latin', 'Armenian']],
  ['\u0430\u03b1', ['Cyrillic', 'Greek']],
])('D13 the id %s mixes scripts', (id, scripts) => {
  expect(mixedScripts(id)).toEqual(scripts);
});

test('D13 letters of one script go with those that look like no other', () => {
  expect(mixedScripts('db-データ-数')).toEqual([]);
});
