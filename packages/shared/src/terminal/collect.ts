/** commander's way of repeatable options; without a default, which its help would print as `[]`. */

export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}
