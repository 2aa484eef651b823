/** The faults of the matrix: how each is done to a machine, what of the kernel it damages, and what was promised. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { LabNode } from '../lab-node.js';

export interface Fault {
  readonly name: string;
  /** Breaks something, as an administrator or another program would. */
  damage(node: LabNode): Promise<void>;
  /** What of the kernel has to be as before, as text. */
  look(node: LabNode): Promise<string>;
  /** From the damage to its end, ms: what the median is measured against. */
  readonly promisedMs: number;
}

export interface Places {
  readonly table: string;
  readonly link: string;
  /** A chain whose rules are all ours to lose, and an element of one of the sets. */
  readonly chain: string;
  readonly element: readonly [set: string, element: string];
}

const nft = async (node: LabNode, ...args: string[]): Promise<void> => {
  await node.must(['nft', ...args]);
};
const ip = async (node: LabNode, ...args: string[]): Promise<void> => {
  await node.must(['ip', ...args]);
};

const ruleset = (table: string) => (node: LabNode) => node.must(['nft', '-s', 'list', 'table', 'inet', table]);
const routing = async (node: LabNode): Promise<string> =>
  (await Promise.all([node.must(['ip', 'rule']), node.must(['ip', 'route', 'show', 'table', 'all'])])).join('\n');
/** The index and the hardware address of a link that was made anew are others. */
const link = (name: string) => async (node: LabNode) => {
  const shown = await node.must(['ip', '-br', 'address', 'show', 'dev', name]);
  const routes = await node.must(['ip', 'route', 'show', 'table', 'all', 'dev', name]);
  const peers = await node.must(['wg', 'show', name, 'allowed-ips']);
  // The kernel's own link-local addresses and their routes are of no use to anybody here.
  const lines = [...shown.replace(/ fe80::\S+/, '').split('\n'), ...routes.split('\n'), ...peers.split('\n')];
  return lines
    .map((line) => line.trim())
    .filter((line) => !/fe80:|ff00::/.test(line))
    .sort()
    .join('\n');
};

/** The wireguard-go of a machine: it lives in the machine's network namespace. */
const killWireguardGo = (node: LabNode): void => {
  const own = readlinkSync(`/proc/${node.pid}/ns/net`);
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'wireguard-go\n') continue;
      if (readlinkSync(`/proc/${pid}/ns/net`) === own) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
};

/** What both sides have to lose. */
export const commonFaults = ({ table, link: name, chain, element: [set, element] }: Places): Fault[] => [
  {
    name: 'all rulesets flushed',
    damage: (node) => nft(node, 'flush', 'ruleset'),
    look: ruleset(table),
    promisedMs: 150,
  },
  {
    name: 'the table deleted',
    damage: (node) => nft(node, 'delete', 'table', 'inet', table),
    look: ruleset(table),
    promisedMs: 150,
  },
  {
    name: 'rules deleted',
    damage: (node) => nft(node, 'flush', 'chain', 'inet', table, chain),
    look: ruleset(table),
    promisedMs: 150,
  },
  {
    name: 'an element deleted',
    damage: (node) => nft(node, 'delete', 'element', 'inet', table, set, `{ ${element} }`),
    look: ruleset(table),
    promisedMs: 150,
  },
  {
    name: "the tunnel's addresses flushed",
    damage: (node) => ip(node, 'address', 'flush', 'dev', name),
    look: link(name),
    promisedMs: 1_000,
  },
  {
    name: "the tunnel's link set down",
    damage: (node) => ip(node, 'link', 'set', 'dev', name, 'down'),
    look: link(name),
    promisedMs: 1_000,
  },
  {
    name: 'wireguard-go killed',
    damage: async (node) => killWireguardGo(node),
    look: link(name),
    promisedMs: 1_500,
  },
  {
    name: "the tunnel's link deleted",
    damage: (node) => ip(node, 'link', 'delete', 'dev', name),
    look: link(name),
    promisedMs: 1_500,
  },
];

/** What only a backend has: the way replies go home. */
export const backendFaults = (priority: number, table: number, name: string): Fault[] => [
  {
    name: 'the policy rule of replies deleted',
    damage: (node) => ip(node, 'rule', 'delete', 'pref', String(priority)),
    look: routing,
    promisedMs: 150,
  },
  {
    name: 'the route of replies deleted',
    damage: (node) => ip(node, 'route', 'flush', 'table', String(table)),
    look: routing,
    promisedMs: 150,
  },
  {
    name: 'rp_filter made strict',
    damage: async (node) => {
      await node.must(['sysctl', '-qw', `net.ipv4.conf.${name}.rp_filter=1`]);
    },
    look: (node) => node.must(['sysctl', '-n', `net.ipv4.conf.${name}.rp_filter`]),
    promisedMs: 1_000,
  },
];
