import type { Entity, Value } from '../../../core/access/entity.ts';
import type { EngineQuestion } from '../../../core/policy/engine.ts';
import { long } from './questions.ts';

/** What no caller may bring to Cedar: ten kinds, each by a number. */
export function malformed(good: EngineQuestion, kind: number): EngineQuestion {
  const withLevel = (value: unknown): EngineQuestion => ({
    ...good,
    context: new Map([...good.context, ['level', value as Value]]),
  }); // what types forbid is the point
  const nested = (depth: number): Value =>
    depth === 0 ? long(1n) : { kind: 'set', values: [nested(depth - 1)] };
  const cyclic: { kind: 'set'; values: Value[] } = { kind: 'set', values: [] };
  cyclic.values.push(cyclic);
  const parent = (id: string, of: string): Entity => ({
    uid: { type: 'Group', id },
    attributes: new Map(),
    parents: [{ type: 'Group', id: of }],
    tags: new Map(),
  });
  switch (kind) {
    case 0:
      return withLevel(long(2n ** 63n));
    case 1:
      return withLevel({ kind: 'string', value: 'a\ud800' });
    case 2:
      return withLevel(nested(200));
    case 3:
      return withLevel(undefined);
    case 4:
      return withLevel(cyclic);
    case 5:
      return { ...good, principal: { type: 'Us er', id: 'x' }, resource: { type: '', id: '' } };
    case 6:
      return withLevel({ kind: 'extension', function: 'system', argument: 'x' });
    case 7:
      return withLevel({ kind: 'record', fields: new Map([['__entity', long(1n)]]) });
    case 8:
      return { ...good, entities: [...good.entities, parent('a', 'b'), parent('b', 'a')] };
    default:
      return withLevel({ kind: 'long', value: Number.NaN });
  }
}
