import { isSecret } from './variables.ts';

const longestSeen = 80;
const hidden = '(a secret, not shown)';
const replaced = '***';

/** A value as an error may show it: quoted, control and direction-changing characters escaped, cut after 80 characters. */
export function showSeen(value: string): string {
  const cut = value.length > longestSeen ? `${value.slice(0, longestSeen)}…` : value;
  return JSON.stringify(cut).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}

/** A variable's value as a person may see it: nothing of a secret but, of a database's URL, what is no password. */
export function showValue(variable: string, value: string): string {
  if (isSecret(variable)) return variable.endsWith('_URL') ? showDatabaseUrl(value) : hidden;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? URL.parse(value) : null;
  if (url === null || url.password === '') return value;
  url.password = replaced;
  return url.href;
}

/** Parameters of a database's URL that hold no secret. */
const shownParameters = ['host', 'port', 'sslmode', 'sslrootcert'];

function showDatabaseUrl(text: string): string {
  const url = URL.parse(text);
  // With an unescaped "/" or "#" in the password the parts are not what they seem.
  const isSound =
    url !== null && /^postgres(?:ql)?:$/.test(url.protocol) && !/[@#]/.test(url.pathname + url.hash);
  if (!isSound) return hidden;
  if (url.password !== '') url.password = replaced;
  for (const name of new Set(url.searchParams.keys()))
    if (!shownParameters.includes(name)) url.searchParams.set(name, replaced);
  return url.href;
}
