/** Every number and name homeward claims in the kernel, with the reason beside it. */

import { type Family, familyOf, type IpAddress, parseIpv4, parseIpv6 } from './address.js';
import { type LinkName, parseLinkName } from './names.js';
import { type IpPrefix, type Ipv4Prefix, parseIpv4Prefix, parsePrefix, prefixContains } from './prefix.js';

/** The relay's one WireGuard device. */
export const RELAY_LINK: LinkName = parseLinkName('hw0');

/** The relay's GRE link to one backend, by the pairing's index: GRE has a link for each peer. */
export function relayGreLink(index: number): LinkName {
  return parseLinkName(`hwg${index}`);
}

/** True for a link name that a relay's tunnels may own. */
export function isRelayTunnelLink(name: string): boolean {
  return name === RELAY_LINK || /^hwg[1-9]\d{0,4}$/.test(name);
}

/**
 * UDP port at which a relay takes GRE in UDP (FOU), one for all its backends: free in IANA's list, and the number of the
 * control port, so that a firewall's opening is easily remembered.
 */
export const RELAY_FOU_PORT = 7700;

/** UDP port at which a backend takes a relay's GRE in UDP. */
export function slotFouPort(slot: number): number {
  return RELAY_FOU_PORT + slot;
}

/** The kernel's number of the routing table `main` (rtnetlink.h, RT_TABLE_MAIN). */
export const MAIN_TABLE = 254;

/** The relay's end of the veth pair to the synthetic client. */
export const PROBE_LINK: LinkName = parseLinkName('hwp0');

/** The synthetic client's own end, inside its network namespace. */
export const PROBE_CLIENT_LINK: LinkName = parseLinkName('hwp1');

/** What the synthetic client and the relay use between them. */
export interface ProbeNetwork {
  readonly prefix: IpPrefix;
  readonly relay: IpAddress;
  readonly client: IpAddress;
}

/**
 * For documentation (TEST-NET-1 of RFC 5737, and a piece of RFC 9637's): nobody else may have them, so an address of
 * them seen at the backend can only be the probe's. Fixed, so that the backend can allow exactly these prefixes.
 */
export const PROBE: Readonly<Record<Family, ProbeNetwork>> = {
  ipv4: { prefix: parsePrefix('192.0.2.0/24'), relay: parseIpv4('192.0.2.1'), client: parseIpv4('192.0.2.2') },
  ipv6: {
    prefix: parsePrefix('3fff:770::/64'),
    relay: parseIpv6('3fff:770::1'),
    client: parseIpv6('3fff:770::2'),
  },
};

/** True for an address that only a probe can have. */
export function isProbeAddress(address: IpAddress): boolean {
  return prefixContains(PROBE[familyOf(address)].prefix, address);
}

/** Tunnel addresses come from here: 10.64/10 is seldom used at home, and 198.18.0.0/15 belongs to fake-IP proxies. */
export const POOL_SPACE: Ipv4Prefix = parseIpv4Prefix('10.64.0.0/10');
/** One relay's share of the space: 4,094 addresses; two relays of one backend must not share one. */
export const POOL_LENGTH = 20;
/** Of that space kubeadm gives the addresses of services from here by default: of them neither routes nor links of a machine tell. */
export const KUBERNETES_SERVICES: Ipv4Prefix = parseIpv4Prefix('10.96.0.0/12');
/** A subnet of IPv6 (RFC 4291, 2.5.4), with a random global ID (RFC 4193, 3.2.2): there is room enough for everybody. */
export const POOL6_LENGTH = 64;

/**
 * IP protocols that never go by `all`, since they are between routers, or the outside of tunnels: IGMP, IPv6 in IPv4, GRE,
 * ESP, AH, OSPF, VRRP. By number, since a small system has no names for them.
 */
export const RELAYS_OWN_PROTOCOLS: readonly number[] = [2, 41, 47, 50, 51, 89, 112];

export const RELAY_TABLE = 'homeward_relay';
export const BACKEND_TABLE = 'homeward_backend';

/** Marks routes and rules as ours (`ip … protocol`); free in iproute2's rt_protos, where 186 to 192 are routing daemons. */
export const ROUTE_PROTOCOL = 177;

/** The byte of packet and conntrack marks that carries the slot: Tailscale and OpenWrt pbr use 0x00ff0000, mwan3 0x3f00, Kubernetes 0xc000, wg-quick 51820; the top byte is the one they leave free. */
export const MARK_MASK = 0xff00_0000;

/** Highest slot: the mark byte has no more values. */
export const MAX_SLOT = 255;

/** Where the blocks of rules begin that have to come before anybody else's, and where their `goto` lands. */
export interface RulePlaces {
  /** Packets out of the tunnel are routed as always. */
  readonly arrival: number;
  /** Replies by fwmark into the tunnel; behind the arrivals, which carry the same mark. */
  readonly reply: number;
  /** Past both. */
  readonly landing: number;
}

/** Where nobody stands before us: blocks for 255 slots, the landing past every slot's rules and below Tailscale's 5210. */
export const USUAL_RULE_PLACES: RulePlaces = { arrival: 4000, reply: 4300, landing: 5100 };

/** The relay's only rules: what it would itself answer to clients of forwarded ports. Beside a backend's on the same machine. */
export const RULE_NO_RESETS = 5150;
/** Those of one address: at the same priority the kernel takes a rule without a source for one with (fib4_rule_compare in net/ipv4/fib_rules.c). */
export const RULE_NO_RESETS_OF_ADDRESS = 5151;

/** Whether a rule is one of the relay's. */
export function isRelayRule(priority: number): boolean {
  return priority === RULE_NO_RESETS || priority === RULE_NO_RESETS_OF_ADDRESS;
}

/** Past the main table (32766) but still a rule: only reached when main knows no route. */
export const RULE_NO_DEFAULT_ROUTE = 32_770;

/** What one slot of a backend claims. */
export interface SlotNumbers {
  readonly link: LinkName;
  readonly mark: number;
  readonly table: number;
  readonly ruleArrival: number;
  readonly ruleReply: number;
  /** The tunnel address talking to connected networks. */
  readonly ruleLocal: number;
  /** Sockets bound to the tunnel address. */
  readonly ruleSource: number;
}

/**
 * The numbers of a slot, 1 to 255. Blocks of at least 255 priorities by kind, not interleaved by slot: else one
 * slot's source rule takes another slot's replies.
 */
export function slotNumbers(slot: number, places: RulePlaces = USUAL_RULE_PLACES): SlotNumbers {
  return {
    link: parseLinkName(`hw${slot}`),
    mark: slot * 0x0100_0000,
    table: 7700 + slot,
    ruleArrival: places.arrival + slot,
    ruleReply: places.reply + slot,
    ruleLocal: 4560 + slot,
    ruleSource: 4820 + slot,
  };
}

/** True for a link name that a backend's slots may own. */
export function isSlotLink(name: string): boolean {
  const match = /^hw([1-9]\d{0,2})$/.exec(name);
  return match !== null && Number(match[1]) <= MAX_SLOT;
}

/** True for a link name of either side. */
export function isHomewardLink(name: string): boolean {
  return isRelayTunnelLink(name) || name === PROBE_LINK || isSlotLink(name);
}

/** True for a routing table that a backend's slots may own. */
export function isSlotTable(table: number): boolean {
  return table > 7700 && table <= 7700 + MAX_SLOT;
}

/**
 * Priorities of our rich rules in firewalld's zones, by which they are known as ours. Positive ones stand behind the
 * owner's rules; 7700 is our port.
 */
export const FIREWALLD_PRIORITIES = { relay: 7700, backend: 7701 } as const;
