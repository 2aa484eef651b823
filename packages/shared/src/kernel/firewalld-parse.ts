/** Reads what `firewall-cmd --list-all-zones` prints: a zone in each block, its first line not indented. Pure. */

export interface FirewalldZone {
  readonly name: string;
  readonly interfaces: readonly string[];
  /** In the words of firewalld.richlanguage(5). */
  readonly richRules: readonly string[];
}

export function parseFirewalldZones(listing: string): FirewalldZone[] {
  return listing
    .split(/\n(?=\S)/)
    .map((block) => block.split('\n'))
    .flatMap(([head = '', ...lines]) => {
      // Behind the name stands `(active)` or the like.
      const name = head.trim().split(' ')[0] ?? '';
      if (name === '') return [];
      const interfaces = lines.map((line) => /^ {2}interfaces: (.*)$/.exec(line)?.[1] ?? '').join(' ');
      const richRules = lines.map((line) => line.trim()).filter((line) => line.startsWith('rule '));
      return [{ name, interfaces: interfaces.split(' ').filter((word) => word !== ''), richRules }];
    });
}
