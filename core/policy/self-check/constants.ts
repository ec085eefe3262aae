import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { type EntityUid, uidKey } from '../../access/entity.ts';
import { isExtensionArgument } from '../extension-syntax.ts';
import { children, field, literalUid, operation } from '../entity-paths.ts';
import type { ExtensionName } from '../schema-shape.ts';

/** What conditions compare with, each once. */
export interface Constants {
  readonly longs: readonly bigint[];
  readonly strings: readonly string[];
  readonly entities: readonly EntityUid[];
  /** Arguments by the constructor that takes them. */
  readonly extensions: Readonly<Record<ExtensionName, readonly string[]>>;
}

/** The constants of a policy's conditions. */
export function constantsOf({ conditions }: Pick<PolicyJson, 'conditions'>): Constants {
  const found: Found = {
    longs: new Set(),
    strings: new Set(),
    entities: new Map(),
    extensions: { ip: new Set(), decimal: new Set(), datetime: new Set(), duration: new Set() },
  };
  for (const { body } of conditions) collect(body, found);
  const { ip, decimal, datetime, duration } = found.extensions;
  return {
    longs: [...found.longs],
    strings: [...found.strings],
    entities: [...found.entities.values()],
    extensions: { ip: [...ip], decimal: [...decimal], datetime: [...datetime], duration: [...duration] },
  };
}

interface Found {
  readonly longs: Set<bigint>;
  readonly strings: Set<string>;
  readonly entities: Map<string, EntityUid>;
  readonly extensions: Readonly<Record<ExtensionName, Set<string>>>;
}

function collect(expression: unknown, found: Found): void {
  const [operator, body] = operation(expression);
  if (operator === 'Value') return collectValue(body, found);
  if (operator === 'like') found.strings.add(matching(field(body, 'pattern')));
  if (isExtension(operator)) {
    const [, argument] = operation(children(body)[0]);
    if (typeof argument === 'string' && isExtensionArgument(operator, argument))
      found.extensions[operator].add(argument);
    return;
  }
  for (const child of children(body)) collect(child, found);
}

function collectValue(value: unknown, { longs, strings, entities }: Found): void {
  const uid = literalUid(value);
  if (uid !== undefined) entities.set(uidKey(uid), uid);
  else if (typeof value === 'string') strings.add(value);
  // Rounded where it is beyond what JSON holds: a question near the constant is as good.
  else if (typeof value === 'number') longs.add(BigInt(Math.trunc(value)));
}

/** A text that the pattern of a `like` matches: nothing in the place of each star. */
function matching(pattern: unknown): string {
  return children(pattern)
    .map((part) => field(part, 'Literal'))
    .filter((part) => typeof part === 'string')
    .join('');
}

function isExtension(operator: string): operator is ExtensionName {
  return operator === 'ip' || operator === 'decimal' || operator === 'datetime' || operator === 'duration';
}
