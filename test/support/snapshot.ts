/** What a machine's kernel holds that homeward could touch: a value to compare before and after. */
import type { LabNode } from './lab-node.js';

export interface Snapshot {
  readonly ruleset: string[];
  readonly rules: string[];
  readonly routes: string[];
  readonly links: string[];
  readonly sysctls: string[];
}

/** Sysctls that count rather than configure. */
const volatile = /^net\.netfilter\.nf_conntrack_count /;

const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

interface LinkJson {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: string[];
  readonly operstate: string;
  readonly address?: string;
}

/** Takes the snapshot; lists are sorted where their order means nothing. */
export const snapshot = async (node: LabNode): Promise<Snapshot> => {
  const [ruleset, rules4, rules6, routes4, routes6, links, sysctls] = await Promise.all([
    node.must(['nft', '-s', 'list', 'ruleset']),
    node.must(['ip', 'rule']),
    node.must(['ip', '-6', 'rule']),
    node.must(['ip', 'route', 'show', 'table', 'all']),
    node.must(['ip', '-6', 'route', 'show', 'table', 'all']),
    node.json<LinkJson[]>(['ip', '-j', 'link']),
    node.run(['sysctl', '-a', '-r', '^net\\.']), // some sysctls cannot be read: exit code and stderr tell nothing
  ]);
  return {
    ruleset: lines(ruleset),
    rules: [...lines(rules4), ...lines(rules6)],
    routes: [...lines(routes4), ...lines(routes6)].map((line) => line.trim()).sort(),
    links: links.map(({ ifname, mtu, flags, operstate, address }) =>
      [ifname, mtu, flags.join(','), operstate, address].join(' '),
    ),
    sysctls: lines(sysctls.stdout)
      .filter((line) => !volatile.test(line))
      .sort(),
  };
};

/** A link that is in only one of the two is named once; its hundred settings are not. */
const withoutSettingsOf = (links: ReadonlySet<string>, sysctls: readonly string[]): string[] =>
  sysctls.filter(
    (line) =>
      !line
        .split(' ')[0]
        ?.split('.')
        .some((part) => links.has(part)),
  );

const onlyIn = (one: readonly string[], other: readonly string[]): string[] =>
  one.filter((line) => !other.includes(line));

/** The lines that are in only one of the two, marked - (gone) and + (new); empty if nothing differs. */
export const difference = (before: Snapshot, after: Snapshot): string[] => {
  const named = (snapshotOf: Snapshot): string[] => snapshotOf.links.map((line) => line.split(' ')[0] ?? '');
  const changed = new Set([...onlyIn(named(before), named(after)), ...onlyIn(named(after), named(before))]);
  return (Object.keys(before) as (keyof Snapshot)[]).flatMap((key) => {
    const [was, is] = [before[key], after[key]].map((list) =>
      key === 'sysctls' ? withoutSettingsOf(changed, list) : list,
    ) as [string[], string[]];
    const lines = [
      ...onlyIn(was, is).map((line) => `${key}: - ${line}`),
      ...onlyIn(is, was).map((line) => `${key}: + ${line}`),
    ];
    // Only the order or the number of equal lines differs.
    const isShuffled = lines.length === 0 && was.join('\n') !== is.join('\n');
    return isShuffled ? [`${key}: in another order or number`] : lines;
  });
};
