/**
 * The backend's nftables skeleton: marks what arrives by a tunnel, lets only allowed forwards in, sends replies back.
 *
 *   tunnel ─► mangle-prerouting (mark) ─► from-tunnel (filter) ─► nat-prerouting (delivery) ─► service
 *   service ─► route-output (mark restored from conntrack) ─► policy rule ─► tunnel
 */

import { guardRule } from '@homeward/shared/kernel/forwarding-guard';
import { nftTable } from '@homeward/shared/kernel/nft-render';
import { BACKEND_TABLE, MARK_MASK, PROBE_PREFIX, slotNumbers } from '@homeward/shared/net/allocation';
import { formatIpv4Prefix, type Ipv4Address } from '@homeward/shared/net/ipv4';
import type { NftTable } from '@homeward/shared/state/resources';
import { SETS } from './backend-sets.js';

/** Seconds that watched ports and sightings stay; a probe takes two at most. */
const SIGHTING_SECONDS = 30;

const probes = formatIpv4Prefix(PROBE_PREFIX);
const portKey = 'ifname . ipv4_addr . inet_proto . inet_service';
const arrivalKey = 'meta iifname . ip daddr . meta l4proto . th dport';

/** A slot and the address its tunnel has at this backend. */
export interface TableSlot {
  readonly slot: number;
  readonly tunnelAddress: Ipv4Address;
}

/**
 * The skeleton for the given slots. `guarded` are the links between which this machine did not forward before us: what
 * we newly open there is dropped again. Empty where nothing is opened.
 */
export function backendTable(slots: readonly TableSlot[], guarded: readonly string[]): NftTable {
  const marks = slots.map(({ slot, tunnelAddress }) => {
    const { link, mark } = slotNumbers(slot);
    // Register-to-register merges of marks are refused by nft 1.0.6: constants, one rule a slot. Foreign bits survive.
    const merged = (what: string) => `${what} mark set ${what} mark and ${hex(~MARK_MASK >>> 0)} or ${hex(mark)}`;
    const ofSlot = `ct mark and ${hex(MARK_MASK)} == ${hex(mark)}`;
    return {
      arrival: [
        // Not only of new ones: a flow that began in a gap of the ruleset has no mark yet. Only of those to our address: a
        // relay that forges packets of other flows of this machine must not draw these into the tunnel.
        `iifname "${link}" ct direction original ct original ip daddr ${tunnelAddress} ${merged('ct')}`,
        // Only for rp_filter's reverse lookup.
        `iifname "${link}" ${merged('meta')}`,
      ],
      established: `iifname "${link}" ct state established,related ${ofSlot} accept`,
      reply: `ct direction reply ${ofSlot} ${merged('meta')}`,
      keepSource: `ct direction original ${ofSlot} meta nfproto ipv4 snat ip to ip saddr`,
    };
  });
  return nftTable(
    BACKEND_TABLE,
    [
      ...setLines(),
      ...chain('mangle-prerouting', 'type filter hook prerouting priority mangle', [
        ...marks.flatMap((mark) => mark.arrival),
        // Replies of LAN hosts and containers pass here, not the output hook.
        ...marks.map((mark) => mark.reply),
      ]),
      // A chain of type `route`: in a filter chain the new mark would not be routed again.
      ...chain(
        'route-output',
        'type route hook output priority mangle + 10',
        marks.map((mark) => mark.reply),
      ),
      ...chain('from-tunnel', 'type filter hook prerouting priority mangle + 1', [
        `iifname != @${SETS.tunnels} accept`,
        ...marks.map((mark) => mark.established),
        ...enteredRules(),
        `ip saddr @${SETS.impossibleSources} drop`,
        `${arrivalKey} @${SETS.allowed} accept`,
        `ip saddr ${probes} ${arrivalKey} @${SETS.echo} accept`,
        'counter drop',
      ]),
      // Behind Docker's DNAT: the first binding of a flow wins, and its published ports are to keep the client.
      ...chain('nat-prerouting', 'type nat hook prerouting priority dstnat + 1', [
        `meta l4proto { tcp, udp } dnat ip to ${arrivalKey} map @${SETS.redirected}`,
        `meta l4proto udp meta iifname . ip daddr . th dport @${SETS.pinned} dnat ip to ip saddr map @${SETS.sourcePin}`,
      ]),
      // A binding of each flow to its own source, before any masquerade can bind another.
      ...chain(
        'keep-source',
        'type nat hook postrouting priority srcnat - 20',
        marks.map((mark) => mark.keepSource),
      ),
      ...sightingChains(),
      ...forwardingGuard(guarded),
    ].join('\n'),
  );
}

function setLines(): string[] {
  const timed = `flags timeout; timeout ${SIGHTING_SECONDS}s;`;
  return [
    `set ${SETS.tunnels} { type ifname; }`,
    `set ${SETS.impossibleSources} { type ipv4_addr; flags interval; }`,
    `set ${SETS.allowed} { type ${portKey}; }`,
    `set ${SETS.echo} { type ${portKey}; }`,
    `set ${SETS.pinned} { type ifname . ipv4_addr . inet_service; }`,
    `map ${SETS.sourcePin} { type ipv4_addr : ipv4_addr; flags interval; }`,
    `map ${SETS.redirected} { type ${portKey} : ipv4_addr . inet_service; }`,
    `set ${SETS.watchTcp} { type inet_service; ${timed} }`,
    `set ${SETS.watchUdp} { type inet_service; ${timed} }`,
    ...[SETS.entered, SETS.delivered, SETS.forwarded, SETS.left].map(
      (name) => `set ${name} { type ipv4_addr . inet_service . inet_proto . ifname; size 65535; ${timed} }`,
    ),
    `set ${SETS.leftIcmp} { type ipv4_addr . ifname; size 64; ${timed} }`,
  ];
}

/** What a sighting of a flow is made of. */
const source = 'ip saddr . th sport . meta l4proto . meta iifname';

/** Before any filter but behind the mark: what came out of a tunnel for a watched port. */
function enteredRules(): string[] {
  return [
    ['tcp', SETS.watchTcp],
    ['udp', SETS.watchUdp],
  ].map(
    ([transport, watch]) =>
      `ct state new meta l4proto ${transport} th dport @${watch} add @${SETS.entered} { ${source} }`,
  );
}

/** Behind every translation (priority 300 > srcnat): what is seen here is what the service sees. */
function sightingChains(): string[] {
  const watched = [
    `meta l4proto tcp ct original proto-dst @${SETS.watchTcp}`,
    `meta l4proto udp ct original proto-dst @${SETS.watchUdp}`,
  ];
  const sighting = (set: string) =>
    watched.map((match) => `iifname @${SETS.tunnels} ct direction original ${match} add @${set} { ${source} }`);
  const departure = `add @${SETS.left} { ip daddr . th dport . meta l4proto . meta oifname }`;
  return [
    ...chain('seen-input', 'type filter hook input priority 300', sighting(SETS.delivered)),
    ...chain('seen-postrouting', 'type filter hook postrouting priority 300', [
      // Not in the forward hook: a masquerade comes after it.
      ...sighting(SETS.forwarded),
      ...watched.map((match) => `ct direction reply ${match} ${departure}`),
      // A reply that lost its connection (wrong source address) is a flow of its own: known by the probe's address.
      `ip daddr ${probes} meta l4proto { tcp, udp } ${departure}`,
      `ip daddr ${probes} icmp type destination-unreachable add @${SETS.leftIcmp} { ip daddr . meta oifname }`,
    ]),
  ];
}

function forwardingGuard(links: readonly string[]): string[] {
  if (links.length === 0) return [];
  return chain('filter-forward', 'type filter hook forward priority filter', [guardRule(links)]);
}

function chain(name: string, hook: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, `${hook}; policy accept;`, ...rules, '}'];
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
