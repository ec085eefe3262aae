import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Attributes, Value } from '../access/entity.ts';
import { field, operation } from './entity-paths.ts';
import type { Reads } from './policy-set.ts';

export const READS_NOTHING: Reads = new Map();

/** What a policy's conditions read of the context. */
export function contextReads({ conditions }: Pick<PolicyJson, 'conditions'>): Reads {
  return conditions.map(({ body }) => readsOf(body)).reduce(joined, READS_NOTHING);
}

/** Both of what is read. */
export function joined(a: Reads, b: Reads): Reads {
  if (a === 'whole' || b === 'whole') return 'whole';
  const all = new Map(a);
  for (const [name, reads] of b) all.set(name, joined(all.get(name) ?? READS_NOTHING, reads));
  return all;
}

/** The fields without those that are not read; a record inside loses what is not read of it. */
export function onlyRead(fields: Attributes, reads: Reads): Attributes {
  if (reads === 'whole') return fields;
  const kept = new Map<string, Value>();
  for (const [name, value] of fields) {
    const read = reads.get(name);
    if (read !== undefined) kept.set(name, partRead(value, read));
  }
  return kept;
}

/** Whether `onlyRead` would leave nothing out. */
export function isReadWhole(fields: Attributes, reads: Reads): boolean {
  if (reads === 'whole') return true;
  for (const [name, value] of fields) {
    const read = reads.get(name);
    if (read === undefined || (value.kind === 'record' && !isReadWhole(value.fields, read))) return false;
  }
  return true;
}

function partRead(value: Value, reads: Reads): Value {
  // where types were forced it may be anything: the conversion to Cedar's JSON refuses it
  return value?.kind === 'record' ? { kind: 'record', fields: onlyRead(value.fields, reads) } : value;
}

function readsOf(expression: unknown): Reads {
  const path = pathInContext(expression);
  if (path !== undefined) return path;
  if (expression === null || typeof expression !== 'object') return READS_NOTHING;
  return Object.values(expression).map(readsOf).reduce(joined, READS_NOTHING);
}

/** What the expression reads when it is the context, a part of it, or asks whether it has a part. */
function pathInContext(expression: unknown): Reads | undefined {
  let [operator, body] = operation(expression);
  // `has` asks whether a part is there, and nothing of what it is
  let reads: Reads = operator === 'has' ? READS_NOTHING : 'whole';
  while (operator === '.' || operator === 'has') {
    const attr = field(body, 'attr');
    const names = Array.isArray(attr) ? attr : [attr];
    for (const name of names.toReversed()) reads = new Map([[String(name), reads]]);
    [operator, body] = operation(field(body, 'left'));
  }
  return operator === 'Var' && body === 'context' ? reads : undefined;
}
