/** The part of the backend's table that takes down what is seen of probed ports: at the tunnel, at the service, on the way back. */

import { chain, WORDS } from '@homeward/shared/kernel/nft-words';
import { FAMILIES, type Family } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import { formatPrefix } from '@homeward/shared/net/prefix';
import { COMMON_SETS, SETS } from './backend-sets.js';

/** Seconds that watched ports and sightings stay; a round of probes takes three at most. */
const SIGHTING_SECONDS = 30;

const WATCHED = [
  ['tcp', COMMON_SETS.watchTcp],
  ['udp', COMMON_SETS.watchUdp],
] as const;

export function sightingSets(): string[] {
  const timed = `flags timeout; timeout ${SIGHTING_SECONDS}s;`;
  return [
    ...WATCHED.map(([, name]) => `set ${name} { type inet_service; ${timed} }`),
    ...FAMILIES.flatMap((family) => {
      const { address } = WORDS[family];
      const { entered, delivered, forwarded, left, leftIcmp } = SETS[family];
      return [
        ...[entered, delivered, forwarded, left].map(
          (name) => `set ${name} { type ${address} . inet_service . inet_proto . ifname; size 65535; ${timed} }`,
        ),
        `set ${leftIcmp} { type ${address} . inet_service . ifname; size 65535; ${timed} }`,
      ];
    }),
  ];
}

/** What a sighting of a flow is made of. */
function source(family: Family): string {
  return `${WORDS[family].ip} saddr . th sport . meta l4proto . meta iifname`;
}

/** Before any filter but behind the mark: what came out of a tunnel for a watched port. */
export function sightingRules(family: Family): string[] {
  return WATCHED.map(
    ([transport, watch]) =>
      `ct state new meta nfproto ${family} meta l4proto ${transport} th dport @${watch} add @${SETS[family].entered} { ${source(family)} }`,
  );
}

/** Behind every translation (priority 300 > srcnat): what is seen here is what the service sees. */
export function sightingChains(): string[] {
  return [
    ...chain('seen-input', 'type filter hook input priority 300', FAMILIES.flatMap(deliveredRules)),
    // Not in the forward hook: a masquerade comes after it.
    ...chain('seen-postrouting', 'type filter hook postrouting priority 300', FAMILIES.flatMap(departureRules)),
  ];
}

function watchedIn(family: Family): string[] {
  return WATCHED.map(
    ([transport, watch]) => `meta nfproto ${family} meta l4proto ${transport} ct original proto-dst @${watch}`,
  );
}

function sighting(family: Family, set: string): string[] {
  return watchedIn(family).map(
    (match) => `iifname @${COMMON_SETS.tunnels} ct direction original ${match} add @${set} { ${source(family)} }`,
  );
}

function deliveredRules(family: Family): string[] {
  return sighting(family, SETS[family].delivered);
}

function departureRules(family: Family): string[] {
  const { ip, icmp } = WORDS[family];
  const { forwarded, left, leftIcmp } = SETS[family];
  const probes = formatPrefix(PROBE[family].prefix);
  const departure = `add @${left} { ${ip} daddr . th dport . meta l4proto . meta oifname }`;
  return [
    ...sighting(family, forwarded),
    ...watchedIn(family).map((match) => `ct direction reply ${match} ${departure}`),
    // A reply that lost its connection (wrong source address) is a flow of its own: known by the probe's address.
    `${ip} daddr ${probes} meta l4proto { tcp, udp } ${departure}`,
    // A service's kernel answers so, and not a router that knows of no such host. The error is of the connection it is about,
    // whose client's port conntrack knows.
    `${ip} daddr ${probes} ${icmp} type destination-unreachable ${icmp} code port-unreachable add @${leftIcmp} { ${ip} daddr . ct original proto-src . meta oifname }`,
  ];
}
