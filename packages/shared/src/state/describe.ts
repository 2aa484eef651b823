/** Key and canonical text of every resource: two resources are equal exactly when both are. The text is also what a plan prints. */

import type { Family } from '../net/address.js';
import { formatPortRange } from '../net/port.js';
import type {
  Allowance,
  NftElement,
  NftElements,
  Resource,
  ResourceKind,
  ResourceOf,
  RuleAction,
  RuleSelector,
  TunnelDevice,
} from './resources.js';

interface Words<Kind extends ResourceKind> {
  /** Names the resource; unique within a HostState. */
  key(resource: ResourceOf<Kind>): string;
  /** How it is; differs whenever the kernel has to be changed. */
  text(resource: ResourceOf<Kind>): string;
}

const WORDS: { [Kind in ResourceKind]: Words<Kind> } = {
  link: {
    key: (link) => `link ${link.name}`,
    text: (link) => `${deviceText(link.device)} mtu ${link.mtu} ${link.up ? 'up' : 'down'}`,
  },
  'fou-port': {
    key: ({ port }) => `fou port ${port}`,
    text: () => '',
  },
  address: {
    key: (address) => `address ${address.address}/${address.prefixLength} dev ${address.link}`,
    text: () => '',
  },
  route: {
    key: (route) => `route ${familyWord(route.family)}${route.destination} table ${route.table}`,
    text: (route) => `${route.gateway === null ? '' : `via ${route.gateway} `}dev ${route.link}`,
  },
  rule: {
    key: (rule) => `rule ${familyWord(rule.family)}${ruleText(rule.priority, rule.selector, rule.action)}`,
    text: () => '',
  },
  sysctl: {
    key: (sysctl) => `sysctl ${sysctl.path}`,
    text: (sysctl) => sysctl.value,
  },
  'nft-table': {
    key: (table) => `table inet ${table.name}`,
    text: (table) => `skeleton ${table.fingerprint}`,
  },
  'nft-element': {
    key: (element) => `element ${element.table} ${element.set} { ${element.key} }`,
    text: (element) => element.value ?? '',
  },
  allowance: {
    key: allowanceKey,
    text: (allowance) => (allowance.firewall === 'ufw' ? `for ${allowance.families.join(' and ')}` : ''),
  },
  'wireguard-device': {
    key: (device) => `wireguard ${device.link}`,
    text: wireguardText,
  },
};

function allowanceKey(allowance: Allowance): string {
  switch (allowance.firewall) {
    case 'docker':
      return `rule of ${allowance.family === 'ipv6' ? 'ip6tables' : 'iptables'} DOCKER-USER ${allowance.rule}`;
    case 'ufw':
      return `rule of ufw ${allowance.rule} comment ${allowance.comment}`;
    case 'firewalld':
      return `${allowance.item} of firewalld zone ${allowance.zone} ${allowance.value}`;
  }
}

/** The words of `ip link add …` for a tunnel device, with everything that is to be said of it. */
export function deviceText(device: TunnelDevice): string {
  if (device.type === 'wireguard') return device.type;
  const { type, remote, local, key, udp } = device;
  return [
    type,
    `remote ${remote}`,
    `local ${local ?? 'any'}`,
    ...(key === null ? [] : [`key ${key}`]),
    ...(udp === null ? [] : [`encap fou encap-sport ${udp.source} encap-dport ${udp.destination}`]),
  ].join(' ');
}

/** The words of `ip rule add …` for a rule; also its identity, since rules have no other name. */
export function ruleText(priority: number, selector: RuleSelector, action: RuleAction): string {
  const words = [`pref ${priority}`];
  if (selector.iif !== undefined) words.push(`iif ${selector.iif}`);
  if (selector.from !== undefined) words.push(`from ${selector.from}`);
  if (selector.fwmark !== undefined) words.push(`fwmark ${hex(selector.fwmark.value)}/${hex(selector.fwmark.mask)}`);
  if (selector.sourcePorts !== undefined) {
    const { transport, ports } = selector.sourcePorts;
    words.push(`ipproto ${transport} sport ${formatPortRange(ports)}`);
  }
  return [...words, actionText(action)].join(' ');
}

/** As on ip's command line; IPv4 is what it takes for granted. */
function familyWord(family: Family): string {
  return family === 'ipv6' ? '-6 ' : '';
}

function actionText(action: RuleAction): string {
  switch (action.kind) {
    case 'goto':
      return `goto ${action.priority}`;
    case 'nop':
    case 'blackhole':
      return action.kind;
    case 'lookup':
      return `lookup ${action.table}${action.suppressDefault === true ? ' suppress_prefixlength 0' : ''}`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Peers in order of their keys. The preshared key is not part of it: it is never changed while a peer keeps its own key. */
function wireguardText(device: ResourceOf<'wireguard-device'>): string {
  const peers = [...device.peers]
    .sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1))
    .map((peer) =>
      [
        peer.publicKey,
        `allowed ${[...peer.allowedIps].sort().join(',')}`,
        peer.endpoint === null ? '' : `endpoint ${peer.endpoint}`,
        peer.keepaliveSeconds === null ? '' : `keepalive ${peer.keepaliveSeconds}`,
      ]
        .filter((word) => word !== '')
        .join(' '),
    );
  const port = device.listenPort === null ? '' : ` port ${device.listenPort}`;
  return [`key ${device.publicKey}${port}`, ...peers.map((peer) => `peer ${peer}`)].join('; ');
}

/** The row of a resource's kind; the table's type keeps kind and row together, which the index access cannot see. */
function wordsOf<Kind extends ResourceKind>(resource: ResourceOf<Kind>): Words<Kind> {
  return WORDS[resource.kind as Kind];
}

export function keyOf(resource: Resource): string {
  return wordsOf(resource).key(resource);
}

export function textOf(resource: Resource): string {
  return wordsOf(resource).text(resource);
}

/** Where the elements of a set stand in a HostState. */
export function elementsKey(table: string, set: string): string {
  return `elements ${table} ${set}`;
}

/** Those of a set, one by one. */
export function eachElement({ table, set, elements }: NftElements): NftElement[] {
  return [...elements].map(([key, value]) => ({ kind: 'nft-element', table, set, key, value }));
}
