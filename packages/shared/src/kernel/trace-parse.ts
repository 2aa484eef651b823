/** Reads what `nft monitor trace` tells of probes (nft(8), MONITOR): which rule of which table dropped one. Pure; it is text also where JSON is asked for (nft 1.0.6). */

import { isIp } from '../net/address.js';
import { isProbeAddress } from '../net/allocation.js';

/** Where a packet of a probe ended: it was dropped, or handed to a proxy of that machine instead of the client. */
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

/** As the trace tells it: of an extension of iptables nft prints the verdict, but not always the name (nft 1.0.6). */
export interface TracedDrop extends Drop {
  /** The rule's number in its table, where one is told. */
  readonly handle: number | null;
  /** The rule's verdict where its words do not hold it; of what was accepted it is to be found out whether a proxy has it. */
  readonly unsaid: 'accept' | 'drop' | null;
}

type Flow = Pick<Drop, 'clientPort' | 'direction'>;
type Ending = Pick<TracedDrop, 'rule' | 'handle' | 'unsaid'>;

const EVENT = /^trace id (?<id>\S+) (?<table>\S+ \S+) (?<chain>\S+) (?<what>packet:|rule|policy) (?<rest>.*?) *$/;
const RULE = /^(?<words>.*?)(?: # handle (?<handle>\d+))? \(verdict (?<verdict>[a-z]+)[^()]*\)$/;
/** In the words of nft and of iptables. */
const COMMENT = /\bcomment (?!--comment )(?:"[^"]*"|\S+)/g;
/** Statements that accept without saying so (nft(8), NAT STATEMENTS). */
const ACCEPTING = /\b(?:accept|dnat|snat|masquerade|redirect)\b/;

/** Whether a rule hands packets to a transparent proxy (TPROXY): such a packet has a socket, and the kernel forwards it no more (ip_forward in net/ipv4/ip_forward.c). */
export function isProxying(rule: string): boolean {
  return /\btproxy\b/i.test(rule.replace(COMMENT, ''));
}

/** Of probes from these ports, each drop once. Lines about other packets, which somebody else may trace, are passed over. */
export function dropsIn(lines: readonly string[], clientPorts: ReadonlySet<number>): TracedDrop[] {
  const flows = new Map<string, Flow>();
  const drops = new Map<string, TracedDrop>();
  for (const line of lines) {
    const { id = '', table = '', chain = '', what, rest = '' } = EVENT.exec(line)?.groups ?? {};
    const known = flows.get(id);
    if (what === 'packet:') {
      const flow = flowOf(rest);
      // Behind a translation its addresses are others; what it was at first, it is.
      if (known === undefined && flow !== null && clientPorts.has(flow.clientPort)) flows.set(id, flow);
      continue;
    }
    const ending = known === undefined ? null : endingBy(what, rest, known.direction);
    if (known === undefined || ending === null) continue;
    const drop = { ...known, table, chain, ...ending };
    drops.set(JSON.stringify(drop), drop);
  }
  return [...drops.values()];
}

/** Null where the packet goes on. */
function endingBy(what: string | undefined, rest: string, direction: Drop['direction']): Ending | null {
  if (what === 'policy') return rest === 'drop' ? { rule: null, handle: null, unsaid: null } : null;
  const { words = '', handle, verdict } = RULE.exec(rest)?.groups ?? {};
  const rule = words.replace(/\bcounter packets \d+ bytes \d+ ?/, '').replace(/ {2,}/g, ' ');
  const said = rule.replace(COMMENT, '');
  const ending = { rule, handle: handle === undefined ? null : Number(handle) };
  if (verdict === 'drop') return { ...ending, unsaid: /\b(?:drop|reject)\b/.test(said) ? null : 'drop' };
  // What a client sends to this machine may be meant for a proxy of its own.
  if (direction === 'request') return null;
  if (verdict === 'accept' && !ACCEPTING.test(said)) return { ...ending, unsaid: 'accept' };
  return isProxying(said) && (verdict === 'accept' || verdict === 'continue') ? { ...ending, unsaid: null } : null;
}

/** Null for a packet that is no probe's. */
function flowOf(packet: string): Flow | null {
  const word = (name: string): string => new RegExp(`(?:^| )${name} (\\S+)`).exec(packet)?.[1] ?? '';
  const isProbe = (address: string) => isIp(address) && isProbeAddress(address);
  if (isProbe(word('ip6? saddr'))) return { clientPort: Number(word('(?:tcp|udp) sport')), direction: 'request' };
  if (isProbe(word('ip6? daddr'))) return { clientPort: Number(word('(?:tcp|udp) dport')), direction: 'reply' };
  return null;
}
