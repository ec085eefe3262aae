/**
 * A complaint about a value without the value: what is in attributes is people's, and a refused directory.json is told to the log.
 * `curfew policy check` shows it all.
 */
export function withoutSeen(complaint: string): string {
  return complaint
    .replace(/(?<=^|: )seen .*, wanted /s, 'wanted ')
    .replace(/(?<=^|: )not JSON at .*/s, 'not JSON');
}
