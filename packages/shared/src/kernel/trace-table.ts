/** The part of our tables by which the kernel tells what becomes of a traced probe, in everybody's tables. Pure. */

import { FAMILIES, type Family } from '../net/address.js';
import { PROBE } from '../net/allocation.js';
import { formatPrefix } from '../net/prefix.js';
import { chain, WORDS } from './nft-words.js';

/** Client ports of probes that are traced now. */
const TRACED = 'traced';

/** Longer than a probe takes; then the kernel forgets the port by itself. */
const TRACED_SECONDS = 30;

/** Before connection tracking and everybody else's chains (raw is -300): a packet is traced from here on. */
const FIRST = -350;

/** Empty unless a proof was red: then a packet costs four comparisons of an address. */
export function traceSet(): string {
  return `set ${TRACED} { type inet_service; flags timeout; timeout ${TRACED_SECONDS}s; }`;
}

/** `answers` where services of this machine answer: their replies begin at the output hook. */
export function traceChains(answers: boolean): string[] {
  return [
    ...chain('trace-prerouting', `type filter hook prerouting priority ${FIRST}`, [
      ...FAMILIES.map((family) => traceRule(family, 'saddr', 'sport')),
      ...FAMILIES.map(replyRule),
    ]),
    ...(answers ? chain('trace-output', `type filter hook output priority ${FIRST}`, FAMILIES.map(replyRule)) : []),
  ];
}

function replyRule(family: Family): string {
  return traceRule(family, 'daddr', 'dport');
}

function traceRule(family: Family, address: 'saddr' | 'daddr', port: 'sport' | 'dport'): string {
  const probes = formatPrefix(PROBE[family].prefix);
  return `${WORDS[family].ip} ${address} ${probes} meta l4proto { tcp, udp } th ${port} @${TRACED} meta nftrace set 1`;
}

/** A script for nft: the probes from these ports are traced for a while. */
export function traceScript(table: string, clientPorts: readonly number[]): string {
  return `add element inet ${table} ${TRACED} { ${[...new Set(clientPorts)].join(', ')} }\n`;
}
