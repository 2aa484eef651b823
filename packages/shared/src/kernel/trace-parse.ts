/** Reads what `nft monitor trace` tells of probes (nft(8), MONITOR): which rule of which table dropped one. Pure; it is text also where JSON is asked for (nft 1.0.6). */

import { isIp } from '../net/address.js';
import { isProbeAddress } from '../net/allocation.js';

/** Where a packet of a probe ended. */
export interface Drop {
  /** Tells the probe. */
  readonly clientPort: number;
  /** Whether it was on its way to the service, or the service's reply. */
  readonly direction: 'request' | 'reply';
  /** Family and name. */
  readonly table: string;
  readonly chain: string;
  /** In nft's words, without its counter; null where no rule matched and the chain's policy dropped it. */
  readonly rule: string | null;
}

type Flow = Pick<Drop, 'clientPort' | 'direction'>;

const EVENT = /^trace id (?<id>\S+) (?<table>\S+ \S+) (?<chain>\S+) (?<what>packet:|rule|policy) (?<rest>.*?) *$/;
const RULE_DROPS = /^(?<rule>.*) \(verdict drop\)$/;

/** Of probes from these ports, each drop once. Lines about other packets, which somebody else may trace, are passed over. */
export function dropsIn(lines: readonly string[], clientPorts: ReadonlySet<number>): Drop[] {
  const flows = new Map<string, Flow>();
  const drops = new Map<string, Drop>();
  for (const line of lines) {
    const { id = '', table = '', chain = '', what, rest = '' } = EVENT.exec(line)?.groups ?? {};
    const known = flows.get(id);
    if (what === 'packet:') {
      const flow = flowOf(rest);
      // Behind a translation its addresses are others; what it was at first, it is.
      if (known === undefined && flow !== null && clientPorts.has(flow.clientPort)) flows.set(id, flow);
      continue;
    }
    const dropped = known === undefined ? undefined : droppedBy(what, rest);
    if (known === undefined || dropped === undefined) continue;
    const drop = { ...known, table, chain, rule: dropped };
    drops.set(JSON.stringify(drop), drop);
  }
  return [...drops.values()];
}

/** The rule that drops, null for a policy that does; undefined where nothing is dropped. */
function droppedBy(what: string | undefined, rest: string): string | null | undefined {
  if (what === 'policy') return rest === 'drop' ? null : undefined;
  const rule = RULE_DROPS.exec(rest)?.groups?.['rule'];
  return rule?.replace(/\bcounter packets \d+ bytes \d+ ?/, '').replace(/ {2,}/g, ' ');
}

/** Null for a packet that is no probe's. */
function flowOf(packet: string): Flow | null {
  const word = (name: string): string => new RegExp(`(?:^| )${name} (\\S+)`).exec(packet)?.[1] ?? '';
  const isProbe = (address: string) => isIp(address) && isProbeAddress(address);
  if (isProbe(word('ip6? saddr'))) return { clientPort: Number(word('(?:tcp|udp) sport')), direction: 'request' };
  if (isProbe(word('ip6? daddr'))) return { clientPort: Number(word('(?:tcp|udp) dport')), direction: 'reply' };
  return null;
}
