/** Which addresses count as one source: an IPv4 address, or the /64 that one IPv6 subscriber gets whole. */

/** `address` as `plainAddress` gives it. */
export function addressGroup(address: string): string {
  if (!address.includes(':')) return address;
  const [left = '', right] = address.split('::', 2);
  const head = left === '' ? [] : left.split(':');
  if (right === undefined) return `${head.slice(0, 4).join(':')}/64`;
  const tail = right === '' ? [] : right.split(':');
  // A dotted quad at the end stands for two groups.
  const written = head.length + tail.length + (right.includes('.') ? 1 : 0);
  const groups = [...head, ...Array.from({ length: Math.max(0, 8 - written) }, () => '0'), ...tail];
  return `${groups.slice(0, 4).join(':')}/64`;
}
