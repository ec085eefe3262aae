/** Commander's way of taking an option as often as it comes: every value, in order. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
