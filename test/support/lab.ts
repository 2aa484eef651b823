/**
 * The lab: eight machines as network namespaces, from the client's home to the services behind somebody's NAT.
 *
 * ```
 *   client                     internet                     relay
 *   203.0.113.7   ──── 203.0.113.1    │ 198.51.100.254 ──── 198.51.100.1, 198.51.100.2
 *   2001:db8:c::7      2001:db8:c::fe │ 2001:db8:a::fe      2001:db8:a::1
 *                                     │                     relay2
 *                                     │ 198.51.102.254 ──── 198.51.102.1
 *                                     │ 2001:db8:b::fe      2001:db8:b::1
 *                                     │ 192.88.99.1
 *                                     │ 2001:db8:d::fe
 *                                     │
 *          192.88.99.2  2001:db8:d::2 (wan)   home: masquerades IPv4, forgets UDP flows after 30 s;
 *          192.168.1.1  2001:db8:1::1 (lan,         routes IPv6 as it is, lets in what was asked for only
 *                                     │ a bridge)
 *                                     ├── backend   192.168.1.10  2001:db8:1::10  gateway home
 *                                     ├── backend2  192.168.1.11  2001:db8:1::11  gateway home
 *                                     └── lan       192.168.1.99  2001:db8:1::99  gateway backend
 * ```
 *
 * Reverse path filtering is strict (rp_filter=1) at relays and backends, as many distributions ship it. No address
 * exists outside the namespaces. 192.0.2.0/24 and 3fff:770::/64 are left alone: homeward's probes come from there.
 */
import { randomInt } from 'node:crypto';
import { endMembers, labName, removeLab, sweepDeadLabs } from './lab-mark.js';
import { createNode, type LabNode } from './lab-node.js';
import { poll } from './poll.js';

const nodeNames = ['client', 'internet', 'relay', 'relay2', 'home', 'backend', 'backend2', 'lan'] as const;

type Nodes = Readonly<Record<(typeof nodeNames)[number], LabNode>>;

export interface Lab extends Nodes {
  readonly name: string;
  /** Ends every process inside; the kernel then removes namespaces, links and files. */
  close(): Promise<void>;
}

export const address = {
  client: '203.0.113.7',
  relay: '198.51.100.1',
  /** The relay's other public address, on the same link. */
  relaySecond: '198.51.100.2',
  relay2: '198.51.102.1',
  home: '192.88.99.2',
  backend: '192.168.1.10',
  backend2: '192.168.1.11',
  lan: '192.168.1.99',
} as const;

export const address6 = {
  client: '2001:db8:c::7',
  relay: '2001:db8:a::1',
  relay2: '2001:db8:b::1',
  home: '2001:db8:d::2',
  backend: '2001:db8:1::10',
  backend2: '2001:db8:1::11',
  lan: '2001:db8:1::99',
} as const;

const cable = (internet: LabNode, a: LabNode, aLink: string, b: LabNode, bLink: string): Promise<string> =>
  internet.must(`ip link add ${aLink} netns ${a.pid} type veth peer name ${bLink} netns ${b.pid}`.split(' '));

/** Settings that links made later inherit: to be called before the cables are laid. */
const prepare = (node: LabNode, sysctls: readonly string[]): Promise<string> =>
  // Without duplicate address detection an IPv6 address is usable, and part of a snapshot, at once.
  node.must(['sysctl', '-q', 'net.ipv6.conf.default.accept_dad=0', ...sysctls]);

const configure = (node: LabNode, batch: readonly string[]): Promise<string> =>
  node.must(['ip', '-batch', '-'], { input: ['link set lo up', ...batch, ''].join('\n') });

/** Up first: IPv6 routes of a link that is down are not made. */
const link = (name: string, ...addresses: readonly string[]): string[] => [
  `link set ${name} up`,
  ...addresses.map((each) => `address add ${each}/${each.includes(':') ? 64 : 24} dev ${name}`),
];

const gateway = (...vias: readonly string[]): string[] => vias.map((via) => `route add default via ${via}`);
const forwarding = (value: 0 | 1): string[] => [
  `net.ipv4.ip_forward=${value}`,
  `net.ipv6.conf.all.forwarding=${value}`,
];
const rpFilter = (value: 0 | 1): string[] => ['all', 'default'].map((at) => `net.ipv4.conf.${at}.rp_filter=${value}`);
const bridgePorts = ['backend', 'backend2', 'lanhost'];

const homeRules = `table ip home {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" masquerade
  }
}
table ip6 home {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "wan" ct state established,related accept
    iifname "wan" drop
  }
}
`;

const prepareAll = ({ client, internet, relay, relay2, home, backend, backend2, lan }: Nodes): Promise<string[]> =>
  Promise.all([
    ...[client, lan].map((node) => prepare(node, forwarding(0))),
    ...[relay, relay2, backend, backend2].map((node) => prepare(node, [...forwarding(0), ...rpFilter(1)])),
    ...[internet, home].map((node) => prepare(node, [...forwarding(1), ...rpFilter(0)])),
  ]);

const layCables = ({ client, internet, relay, relay2, home, backend, backend2, lan }: Nodes): Promise<string[]> =>
  Promise.all([
    cable(internet, client, 'eth0', internet, 'client'),
    cable(internet, relay, 'eth0', internet, 'relay'),
    cable(internet, relay2, 'eth0', internet, 'relay2'),
    cable(internet, home, 'wan', internet, 'home'),
    cable(internet, backend, 'eth0', home, 'backend'),
    cable(internet, backend2, 'eth0', home, 'backend2'),
    cable(internet, lan, 'eth0', home, 'lanhost'),
  ]);

const giveAddresses = (nodes: Nodes): Promise<string[]> => {
  const host = (name: keyof typeof address6 & keyof Nodes, ...gateways: string[]): Promise<string> =>
    configure(nodes[name], [...link('eth0', address[name], address6[name]), ...gateway(...gateways)]);
  return Promise.all([
    host('client', '203.0.113.1', '2001:db8:c::fe'),
    host('relay', '198.51.100.254', '2001:db8:a::fe'),
    host('relay2', '198.51.102.254', '2001:db8:b::fe'),
    host('backend', '192.168.1.1', '2001:db8:1::1'),
    host('backend2', '192.168.1.1', '2001:db8:1::1'),
    host('lan', address.backend, address6.backend),
    configure(nodes.internet, [
      ...link('client', '203.0.113.1', '2001:db8:c::fe'),
      ...link('relay', '198.51.100.254', '2001:db8:a::fe'),
      ...link('relay2', '198.51.102.254', '2001:db8:b::fe'),
      ...link('home', '192.88.99.1', '2001:db8:d::fe'),
      `route add 2001:db8:1::/64 via ${address6.home}`,
    ]),
    configure(nodes.home, [
      'link add lan type bridge',
      ...bridgePorts.flatMap((port) => [`link set ${port} master lan`, `link set ${port} up`]),
      ...link('lan', '192.168.1.1', '2001:db8:1::1'),
      ...link('wan', address.home, address6.home),
      ...gateway('192.88.99.1', '2001:db8:d::fe'),
    ]),
  ]);
};

const wire = async (nodes: Nodes): Promise<void> => {
  await prepareAll(nodes);
  await layCables(nodes);
  await giveAddresses(nodes);
  const { relay, home } = nodes;
  await Promise.all([
    relay.must(['ip', 'address', 'add', `${address.relaySecond}/24`, 'dev', 'eth0']),
    // The rules first: where conntrack is a module, they bring it, and its sysctls with it.
    home
      .must(['nft', '-f', '-'], { input: homeRules })
      .then(() => home.must(['sysctl', '-q', 'net.netfilter.nf_conntrack_udp_timeout=30'])),
  ]);
};

/**
 * The kernel gives a new link its own IPv6 address some time later, and makes the routes of each address later still:
 * until then a snapshot would differ from the next.
 */
const settled = (node: LabNode): Promise<true> =>
  poll(`the IPv6 addresses and routes of ${node.name}`, 5_000, async () => {
    const [link] = await node.json<{ addr_info: { local: string; scope: string }[] }[]>(
      'ip -6 -j address show dev eth0'.split(' '),
    );
    const local = await node.must('ip -6 route show table local dev eth0'.split(' '));
    const addresses = link?.addr_info ?? [];
    const isComplete = ['global', 'link'].every((scope) => addresses.some((one) => one.scope === scope));
    return isComplete && addresses.every((one) => local.includes(`local ${one.local} `)) ? true : undefined;
  });

/** Leaves a machine its link-local IPv6 address only, as where the provider has no IPv6. */
export const removeIpv6Uplink = (node: LabNode): Promise<string> =>
  node.must(['ip', '-6', '-batch', '-'], { input: 'route flush default\naddress flush dev eth0 scope global\n' });

/** Builds the lab; leftovers of dead runs are removed first, and this one goes even if this process is interrupted. */
export const createLab = async (): Promise<Lab> => {
  await sweepDeadLabs();
  const name = labName(randomInt(1_000_000));
  const atExit = (): void => endMembers(name);
  process.on('exit', atExit);
  const close = async (): Promise<void> => {
    await removeLab(name);
    process.off('exit', atExit);
  };
  try {
    const made = await Promise.all(nodeNames.map(async (node) => [node, await createNode(name, node)] as const));
    const nodes = Object.fromEntries(made) as Record<(typeof nodeNames)[number], LabNode>;
    await wire(nodes);
    await Promise.all([nodes.relay, nodes.relay2, nodes.backend, nodes.backend2].map(settled));
    return { name, ...nodes, close };
  } catch (error) {
    await close();
    throw error;
  }
};
