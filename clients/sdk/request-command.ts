import type { Question } from './question.ts';
import type { EntityName } from './value.ts';

/** The command that asks for what was denied by one workflow, to be pasted into a shell. */
export function requestCommand({ action, resource }: Question, workflow: string): string {
  const words = [...subject(action, resource), '--workflow', workflow, '--reason', 'say why'];
  return `curfew request ${words.map(shellWord).join(' ')}`;
}

/** The command that asks again and says how to get access. */
export function canCommand({ action, resource }: Question): string {
  return `curfew can ${subject(action, resource).map(shellWord).join(' ')}`;
}

/** An entity or an action as Cedar writes it, on one line whatever it is called; a plain action by its id alone. */
export function cedarName(name: string | EntityName): string {
  if (typeof name === 'string') return /^\w+$/.test(name) ? name : literal(name);
  return `${name.type}::${literal(name.id)}`;
}

function subject(action: string | EntityName, resource: EntityName): readonly string[] {
  const { type, id } = resource;
  const isPlain = /^[\w.-]+$/.test(id);
  const asked = typeof action === 'string' && !/^\w+$/.test(action) ? { type: 'Action', id: action } : action;
  return [cedarName(asked), isPlain ? `${type}::${id}` : cedarName(resource)];
}

/** What could move a cursor, reorder or hide text, or end a line is written out, as Cedar reads it. */
function literal(id: string): string {
  return JSON.stringify(id).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

function shellWord(word: string): string {
  return /^[\w.:@%+=,/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
