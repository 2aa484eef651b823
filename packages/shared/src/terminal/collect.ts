/** commander's way of repeatable options. */

export function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
