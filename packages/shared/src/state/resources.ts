/** The nouns of kernel state: every kind of thing homeward may own, each with a key that names it and a text that says how it is. */

import type { Family, IpAddress } from '../net/address.js';
import type { LinkName } from '../net/names.js';
import type { PortRange } from '../net/port.js';
import type { Secret } from '../net/secret.js';

/** A network device that we create. */
export interface Link {
  readonly kind: 'link';
  readonly name: LinkName;
  readonly device: TunnelDevice;
  /** Octets. */
  readonly mtu: number;
  readonly up: boolean;
}

export type TunnelDevice = { readonly type: 'wireguard' } | GreDevice;

/** GRE over IPv4 (`gre`) or IPv6 (`ip6gre`), see ip-link(8). */
export interface GreDevice {
  readonly type: 'gre' | 'ip6gre';
  /** Of the outer packets; null for whatever the route says. */
  readonly local: IpAddress | null;
  readonly remote: IpAddress;
  /** Of both directions (RFC 2890); null for none. */
  readonly key: number | null;
  /** Ports of the UDP around it (ip-fou(8)); null for plain GRE. */
  readonly udp: { readonly source: number; readonly destination: number } | null;
}

/** A UDP port at which the kernel takes GRE out of UDP (ip-fou(8)), IPv4. */
export interface FouPort {
  readonly kind: 'fou-port';
  readonly port: number;
}

export interface Address {
  readonly kind: 'address';
  readonly link: LinkName;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

export interface Route {
  readonly kind: 'route';
  readonly family: Family;
  readonly table: number;
  /** `default` or a prefix. */
  readonly destination: string;
  readonly link: LinkName;
  /** The next machine on a link that several share; null on a link between two. */
  readonly gateway: IpAddress | null;
}

/** What a policy rule matches; all given parts must hold. */
export interface RuleSelector {
  readonly iif?: LinkName;
  readonly fwmark?: { readonly value: number; readonly mask: number };
  readonly from?: IpAddress;
  readonly sourcePorts?: { readonly transport: 'tcp' | 'udp'; readonly ports: PortRange };
}

export type RuleAction =
  | { readonly kind: 'goto'; readonly priority: number }
  | { readonly kind: 'nop' }
  | { readonly kind: 'lookup'; readonly table: number | 'main'; readonly suppressDefault?: true }
  /** Thrown away in silence. */
  | { readonly kind: 'blackhole' };

export interface PolicyRule {
  readonly kind: 'rule';
  readonly family: Family;
  readonly priority: number;
  readonly selector: RuleSelector;
  readonly action: RuleAction;
}

export interface Sysctl {
  readonly kind: 'sysctl';
  /** Path below /proc/sys, with slashes, since link names may contain dots. */
  readonly path: string;
  readonly value: string;
}

/** The skeleton of one nftables table of family inet: chains, rules, sets; without the sets' elements. */
export interface NftTable {
  readonly kind: 'nft-table';
  readonly name: string;
  /** Text between the braces of `table inet NAME { … }`; empty when observed. */
  readonly body: string;
  /** Identifies the skeleton: digest of the body when desired; when observed, the digest it was applied from, or a text that equals no digest. */
  readonly fingerprint: string;
}

/** One element of a set (value null) or map, in nft's own notation (`tcp . 443`). */
export interface NftElement {
  readonly kind: 'nft-element';
  readonly table: string;
  readonly set: string;
  readonly key: string;
  readonly value: string | null;
}

/** All elements of one set or map: thousands of them are compared as one thing, and changed one by one. */
export interface NftElements {
  readonly kind: 'nft-elements';
  readonly table: string;
  readonly set: string;
  /** Value (null in a set) by key. */
  readonly elements: ReadonlyMap<string, string | null>;
}

/** What a firewall of somebody else lets through for us, in a place that it keeps for that. */
export type Allowance = DockerAllowance | UfwAllowance | FirewalldAllowance;

/** In Docker's chain DOCKER-USER. */
export interface DockerAllowance {
  readonly kind: 'allowance';
  readonly firewall: 'docker';
  readonly family: Family;
  /** In iptables' words, with the comment by which it is known as ours. */
  readonly rule: string;
}

/** Among the rules that ufw keeps. */
export interface UfwAllowance {
  readonly kind: 'allowance';
  readonly firewall: 'ufw';
  /** In ufw's words. */
  readonly rule: string;
  /** By which it is known as ours. */
  readonly comment: string;
  /** Of one command it makes a rule of each. */
  readonly families: readonly Family[];
}

/** In a zone of firewalld's. */
export interface FirewalldAllowance {
  readonly kind: 'allowance';
  readonly firewall: 'firewalld';
  readonly zone: string;
  readonly item: 'interface' | 'rich-rule';
  readonly value: string;
}

export interface WireguardPeer {
  readonly publicKey: string;
  readonly presharedKey: Secret;
  /** Prefixes of both families. */
  readonly allowedIps: readonly string[];
  /** `address:port`, or null where the peer is the one that calls. */
  readonly endpoint: string | null;
  /** Seconds, or null for off. */
  readonly keepaliveSeconds: number | null;
}

export interface WireguardDevice {
  readonly kind: 'wireguard-device';
  readonly link: LinkName;
  /** Null when observed. */
  readonly privateKey: Secret | null;
  readonly publicKey: string;
  /** Null for any port. */
  readonly listenPort: number | null;
  readonly peers: readonly WireguardPeer[];
}

/** What can be made, changed and removed on its own. */
export type Resource =
  | Link
  | FouPort
  | Address
  | Route
  | PolicyRule
  | Sysctl
  | NftTable
  | NftElement
  | WireguardDevice
  | Allowance;
export type ResourceKind = Resource['kind'];
export type ResourceOf<Kind extends ResourceKind> = Extract<Resource, { kind: Kind }>;

/** Desired or observed state: resources by key, elements gathered by their set. */
export type HostState = ReadonlyMap<string, Exclude<Resource, NftElement> | NftElements>;
