/**
 * The backend's nftables skeleton: marks what arrives by a tunnel, lets only allowed forwards in, sends replies back.
 *
 *   tunnel ─► mangle-prerouting (mark) ─► from-tunnel (filter) ─► nat-prerouting (delivery) ─► service
 *   service ─► route-output (mark restored from conntrack) ─► policy rule ─► tunnel
 */

import { type GuardedLinks, guardRules } from '@homeward/shared/kernel/forwarding-guard';
import { nftTable } from '@homeward/shared/kernel/nft-render';
import { chain, WORDS } from '@homeward/shared/kernel/nft-words';
import { traceChains, traceSet } from '@homeward/shared/kernel/trace-table';
import { type AddressPair, FAMILIES, type Family, familyOf } from '@homeward/shared/net/address';
import { BACKEND_TABLE, MARK_MASK, PROBE, RELAYS_OWN_PROTOCOLS, slotNumbers } from '@homeward/shared/net/allocation';
import type { LinkName } from '@homeward/shared/net/names';
import { formatPrefix } from '@homeward/shared/net/prefix';
import type { NftTable } from '@homeward/shared/state/resources';
import { COMMON_SETS, SETS } from './backend-sets.js';
import { sightingChains, sightingRules, sightingSets } from './sighting-table.js';
import type { SharedLink } from './tunnel-end.js';

/** A slot and the addresses its tunnel has at this backend. */
export interface TableSlot {
  readonly slot: number;
  readonly link: LinkName;
  readonly tunnelAddresses: Partial<AddressPair>;
  /** Null for a link of our own. */
  readonly shared: Pick<SharedLink, 'neighbours'> | null;
}

/**
 * The skeleton for the given slots. `guarded` are the links between which this machine did not forward before us: what
 * we newly open there is dropped again. Empty where nothing is opened.
 */
export function backendTable(slots: readonly TableSlot[], guarded: GuardedLinks): NftTable {
  const marks = slots.map(marksOf);
  // Machines that the owner meets by the same device go in and out as before.
  const neighbours = marks.flatMap((mark) => mark.neighbours);
  return nftTable(
    BACKEND_TABLE,
    [
      `set ${COMMON_SETS.tunnels} { type ifname; }`,
      ...FAMILIES.flatMap(setLines),
      ...sightingSets(),
      traceSet(),
      ...traceChains(true),
      ...chain('mangle-prerouting', 'type filter hook prerouting priority mangle', [
        ...neighbours.map((match) => `${match} return`),
        ...FAMILIES.map(forgedRule),
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
        `iifname != @${COMMON_SETS.tunnels} accept`,
        ...neighbours.map((match) => `${match} accept`),
        ...marks.map((mark) => mark.established),
        ...FAMILIES.flatMap(sightingRules),
        ...FAMILIES.flatMap(admissionRules),
        'counter drop',
      ]),
      // Behind Docker's DNAT: the first binding of a flow wins, and its published ports are to keep the client.
      ...chain('nat-prerouting', 'type nat hook prerouting priority dstnat + 1', [
        `iifname != @${COMMON_SETS.tunnels} accept`,
        ...neighbours.map((match) => `${match} accept`),
        ...FAMILIES.flatMap(deliveryRules),
      ]),
      // A binding of each flow to its own source, before any masquerade can bind another.
      ...chain(
        'keep-source',
        'type nat hook postrouting priority srcnat - 20',
        marks.flatMap((mark) => mark.keepSource),
      ),
      ...sightingChains(),
      ...forwardingGuard(
        guarded,
        marks.flatMap((mark) => mark.forwarded),
      ),
    ].join('\n'),
  );
}

/** Register-to-register merges of marks are refused by nft 1.0.6: constants, one rule a slot. Foreign bits survive. */
function marksOf({ slot, link, tunnelAddresses, shared }: TableSlot) {
  const { mark } = slotNumbers(slot);
  const merged = (what: string) => `${what} mark set ${what} mark and ${hex(~MARK_MASK >>> 0)} or ${hex(mark)}`;
  const ofSlot = `ct mark and ${hex(MARK_MASK)} == ${hex(mark)}`;
  return {
    arrival: [
      // Not only of new ones: a flow that began in a gap of the ruleset has no mark yet. Only of those to our address: a
      // relay that forges packets of other flows of this machine must not draw these into the tunnel. Nor by an ICMP error,
      // which says of itself to whose flow it belongs.
      ...FAMILIES.flatMap((family) => {
        if (tunnelAddresses[family] === undefined) return [];
        const ourAddress = `ct original ${WORDS[family].ip} daddr ${tunnelAddresses[family]}`;
        return [`iifname "${link}" ct state != related ct direction original ${ourAddress} ${merged('ct')}`];
      }),
      // Only for rp_filter's reverse lookup.
      `iifname "${link}" ${merged('meta')}`,
    ],
    // On a device that is used for other things as well, these have flows of their own.
    established: `iifname "${link}" ct state established,related ${shared === null ? `${ofSlot} ` : ''}accept`,
    neighbours: (shared?.neighbours ?? []).map(
      (prefix) => `iifname "${link}" ${WORDS[familyOf(prefix.address)].ip} saddr ${formatPrefix(prefix)}`,
    ),
    forwarded: shared === null ? [] : [`${ofSlot} accept`],
    reply: `ct direction reply ${ofSlot} ${merged('meta')}`,
    keepSource: FAMILIES.map((family) => {
      const { ip } = WORDS[family];
      return `ct direction original ${ofSlot} meta nfproto ${family} snat ${ip} to ${ip} saddr`;
    }),
  };
}

function setLines(family: Family): string[] {
  const { address } = WORDS[family];
  const sets = SETS[family];
  const byPort = `${address} . inet_proto . inet_service`;
  return [
    `set ${sets.tunnelAddresses} { type ifname . ${address}; }`,
    `set ${sets.impossibleSources} { type ${address}; flags interval; }`,
    `set ${sets.allowed.single} { type ${byPort}; }`,
    `set ${sets.allowed.range} { type ${byPort}; flags interval; }`,
    `set ${sets.whole} { type ${address}; }`,
    `set ${sets.echo} { type ${byPort}; }`,
    `set ${sets.pinned.single} { type ${address} . inet_service; }`,
    `set ${sets.pinned.range} { type ${address} . inet_service; flags interval; }`,
    `map ${sets.sourcePin} { type ${address} : ${address}; flags interval; }`,
    `map ${sets.redirected.single} { type ${byPort} : ${address} . inet_service; }`,
    `map ${sets.redirected.range} { type ${byPort} : ${address}; flags interval; }`,
  ];
}

/** Protocols of IP that go by `all` beside TCP, UDP and ICMP's echo (ICMP and ICMPv6 are 1 and 58). */
const WITHOUT_PORTS = `meta l4proto != { ${[1, 6, 17, 58, ...RELAYS_OWN_PROTOCOLS].join(', ')} }`;

/**
 * What no client can have sent goes no further, before it is taken for a part of a flow: of this machine's own network
 * somebody may talk to the tunnel's address as well. ICMP errors are of any router on the way, with any address.
 */
function forgedRule(family: Family): string {
  const { ip } = WORDS[family];
  return `iifname @${COMMON_SETS.tunnels} ct state != related ${ip} saddr @${SETS[family].impossibleSources} drop`;
}

/** What may come in by a tunnel: to the tunnel's own address, from a possible client, for an allowed port. */
function admissionRules(family: Family): string[] {
  const { ip, icmp } = WORDS[family];
  const { tunnelAddresses, allowed, whole, echo } = SETS[family];
  const arrival = `${ip} daddr . meta l4proto . th dport`;
  return [
    `meta iifname . ${ip} daddr != @${tunnelAddresses} drop`,
    `${arrival} @${allowed.single} accept`,
    `${arrival} @${allowed.range} accept`,
    `${ip} daddr @${whole} ${icmp} type echo-request accept`,
    `${ip} daddr @${whole} ${WITHOUT_PORTS} accept`,
    `${ip} saddr ${formatPrefix(PROBE[family].prefix)} ${arrival} @${echo} accept`,
  ];
}

function deliveryRules(family: Family): string[] {
  const { ip } = WORDS[family];
  const { redirected, pinned, sourcePin, whole } = SETS[family];
  const arrival = `${ip} daddr . meta l4proto . th dport`;
  const elsewhere = [redirected.single, redirected.range].map(
    (map) => `meta l4proto { tcp, udp } dnat ${ip} to ${arrival} map @${map}`,
  );
  const pins = [pinned.single, pinned.range].map(
    (set) => `meta l4proto udp ${ip} daddr . th dport @${set} dnat ${ip} to ${ip} saddr map @${sourcePin}`,
  );
  // A raw socket's answer has the source that the kernel chooses, as UDP's; to an echo request the kernel answers from where it came to.
  const raw = `${ip} daddr @${whole} ${WITHOUT_PORTS} dnat ${ip} to ${ip} saddr map @${sourcePin}`;
  return [...elsewhere, ...pins, raw];
}

function forwardingGuard(guarded: GuardedLinks, allowed: readonly string[]): string[] {
  const rules = guardRules(guarded);
  if (rules.length === 0) return [];
  return chain('filter-forward', 'type filter hook forward priority filter', [...allowed, ...rules]);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
