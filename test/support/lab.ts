/**
 * The lab: six machines as network namespaces, from the client's home to the service behind somebody's NAT.
 *
 * ```
 *   client                 internet                      relay
 *   203.0.113.7 ── 203.0.113.1 │ 198.51.100.254 ── 198.51.100.1 (uplink)
 *                              │ 192.88.99.1
 *                              │
 *                 192.88.99.2 (wan)  home: masquerades, forgets UDP flows after 30 s
 *                 192.168.1.1 (lan, a bridge)
 *                     ├── 192.168.1.10  backend   gateway 192.168.1.1
 *                     └── 192.168.1.99  lan       gateway 192.168.1.10, the backend
 * ```
 *
 * Reverse path filtering is strict (rp_filter=1) at relay and backend, as many distributions ship it. No address
 * exists outside the namespaces. 192.0.2.0/24 is left alone: homeward's probes come from there.
 */
import { randomInt } from 'node:crypto';
import { endMembers, labName, removeLab, sweepDeadLabs } from './lab-mark.js';
import { createNode, type LabNode } from './lab-node.js';
import { poll } from './poll.js';

export interface Lab {
  readonly name: string;
  readonly client: LabNode;
  readonly internet: LabNode;
  readonly relay: LabNode;
  readonly home: LabNode;
  readonly backend: LabNode;
  readonly lan: LabNode;
  /** Ends every process inside; the kernel then removes namespaces, links and files. */
  close(): Promise<void>;
}

export const address = {
  client: '203.0.113.7',
  relay: '198.51.100.1',
  home: '192.88.99.2',
  backend: '192.168.1.10',
  lan: '192.168.1.99',
} as const;

const cable = (internet: LabNode, a: LabNode, aLink: string, b: LabNode, bLink: string): Promise<string> =>
  internet.must(`ip link add ${aLink} netns ${a.pid} type veth peer name ${bLink} netns ${b.pid}`.split(' '));

/** Settings that links made later inherit: to be called before the cables are laid. */
const prepare = (node: LabNode, sysctls: readonly string[]): Promise<string> =>
  // Without duplicate address detection a link's own IPv6 address is usable, and part of a snapshot, at once.
  node.must(['sysctl', '-q', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv4.ip_forward=0', ...sysctls]);

const configure = (node: LabNode, batch: readonly string[]): Promise<string> =>
  node.must(['ip', '-batch', '-'], { input: ['link set lo up', ...batch, ''].join('\n') });

const link = (name: string, addressAndPrefix: string): string[] => [
  `address add ${addressAndPrefix} dev ${name}`,
  `link set ${name} up`,
];

const strict = ['net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.default.rp_filter=1'];
const loose = ['net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0'];
const gateway = (via: string): string => `route add default via ${via}`;
const bridgePorts = ['backend', 'lanhost'];

const masquerade = `table ip home {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan" masquerade
  }
}
`;

const wire = async ({ client, internet, relay, home, backend, lan }: Omit<Lab, 'name' | 'close'>): Promise<void> => {
  await Promise.all([
    ...[client, lan].map((node) => prepare(node, [])),
    ...[relay, backend].map((node) => prepare(node, strict)),
    ...[internet, home].map((node) => prepare(node, ['net.ipv4.ip_forward=1', ...loose])),
  ]);
  await Promise.all([
    cable(internet, client, 'eth0', internet, 'client'),
    cable(internet, relay, 'eth0', internet, 'relay'),
    cable(internet, home, 'wan', internet, 'home'),
    cable(internet, backend, 'eth0', home, 'backend'),
    cable(internet, lan, 'eth0', home, 'lanhost'),
  ]);
  await Promise.all([
    configure(client, [...link('eth0', `${address.client}/24`), gateway('203.0.113.1')]),
    configure(relay, [...link('eth0', `${address.relay}/24`), gateway('198.51.100.254')]),
    configure(backend, [...link('eth0', `${address.backend}/24`), gateway('192.168.1.1')]),
    configure(lan, [...link('eth0', `${address.lan}/24`), gateway(address.backend)]),
    configure(internet, [
      ...link('client', '203.0.113.1/24'),
      ...link('relay', '198.51.100.254/24'),
      ...link('home', '192.88.99.1/24'),
    ]),
    configure(home, [
      'link add lan type bridge',
      ...bridgePorts.flatMap((port) => [`link set ${port} master lan`, `link set ${port} up`]),
      ...link('lan', '192.168.1.1/24'),
      ...link('wan', `${address.home}/24`),
      gateway('192.88.99.1'),
    ]),
  ]);
  await home.must(['nft', '-f', '-'], { input: masquerade });
  await home.must(['sysctl', '-q', 'net.netfilter.nf_conntrack_udp_timeout=30']);
};

/** The kernel gives a new link its own IPv6 address and routes some time later: until then a snapshot would differ from the next. */
const settled = (node: LabNode): Promise<true> =>
  poll(`the IPv6 routes of ${node.name}`, 5_000, async () => {
    const routes = await node.must(['ip', '-6', 'route', 'show', 'dev', 'eth0']);
    return routes.includes('fe80::/64') ? true : undefined;
  });

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
    const make = (node: string): Promise<LabNode> => createNode(name, node);
    const [client, internet, relay] = await Promise.all([make('client'), make('internet'), make('relay')]);
    const [home, backend, lan] = await Promise.all([make('home'), make('backend'), make('lan')]);
    const nodes = { client, internet, relay, home, backend, lan };
    await wire(nodes);
    await Promise.all([relay, backend].map(settled));
    return { name, ...nodes, close };
  } catch (error) {
    await close();
    throw error;
  }
};
