/** Parses `ip -j`: links with their addresses, routes of all tables, policy rules. */

import { z } from 'zod';
import { type Family, ipToNumber, isIp, isIpv4 } from '../net/address.js';
import type { GreDevice, RuleAction } from '../state/resources.js';
import { naturalNumber, readListing } from './listing.js';

export interface ListedLink {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly mtu: number;
  /** The kernel's word for the kind of device (`wireguard`, `tun`, `veth`), or null for plain hardware. */
  readonly type: string | null;
  /** Whether exactly one other machine is at its other end. */
  readonly pointToPoint: boolean;
  /** What a GRE device was made of; null for others. */
  readonly gre: GreDevice | null;
  readonly addresses: readonly ListedAddress[];
}

export interface ListedAddress {
  /** Of either family. */
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: string;
}

export interface ListedRoute {
  readonly family: Family;
  /** `default`, an address or a prefix. */
  readonly destination: string;
  /** `unicast`, `local`, `broadcast`, `unreachable` … */
  readonly type: string;
  readonly link: string | null;
  readonly gateway: string | null;
  readonly table: string;
  readonly source: string | null;
  readonly metric: number;
  readonly protocol: string;
}

export interface ListedRule {
  readonly family: Family;
  readonly priority: number;
  readonly protocol: string | null;
  readonly from: string;
  /** An address or a prefix; null for all. */
  readonly to: string | null;
  readonly iif: string | null;
  readonly fwmark: { readonly value: number; readonly mask: number } | null;
  readonly ipProtocol: string | null;
  readonly sourcePorts: { readonly first: number; readonly last: number } | null;
  /** Null for actions that we never use (prohibit, l3mdev …). */
  readonly action: RuleAction | null;
  /** The table that is looked up, by its name where it has one; null for rules that look up none. */
  readonly table: string | null;
}

const linkSchema = z.array(
  z.object({
    ifname: z.string(),
    ifindex: z.number(),
    flags: z.array(z.string()),
    mtu: z.number(),
    linkinfo: z.object({ info_kind: z.string().optional(), info_data: z.unknown().optional() }).optional(),
    addr_info: z.array(
      z.object({
        family: z.string().optional(),
        local: z.string().optional(),
        prefixlen: z.number().optional(),
        scope: z.string().optional(),
      }),
    ),
  }),
);

const routeSchema = z.array(
  z.object({
    dst: z.string(),
    type: z.string().optional(),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    table: z.union([z.string(), z.number()]).optional(),
    prefsrc: z.string().optional(),
    metric: z.number().optional(),
    protocol: z.union([z.string(), z.number()]).optional(),
  }),
);

const ruleSchema = z.array(
  z.object({
    priority: z.number(),
    src: z.string(),
    srclen: z.number().optional(),
    dst: z.string().optional(),
    dstlen: z.number().optional(),
    iif: z.string().optional(),
    fwmark: z.string().optional(),
    fwmask: z.string().optional(),
    ipproto: z.union([z.string(), z.number()]).optional(),
    sport: z.union([z.string(), z.number()]).optional(),
    sport_start: z.number().optional(),
    sport_end: z.number().optional(),
    table: z.union([z.string(), z.number()]).optional(),
    suppress_prefixlen: z.number().optional(),
    goto: z.number().optional(),
    nop: z.null().optional(),
    action: z.string().optional(),
    protocol: z.union([z.string(), z.number()]).optional(),
  }),
);

/** Parses `ip -d -j address show`; throws `command-failed`, as all of these. */
export function parseLinks(json: string): ListedLink[] {
  return readListing('ip', () => linksOf(json));
}

function linksOf(json: string): ListedLink[] {
  return linkSchema.parse(parseList(json)).map((link) => ({
    name: link.ifname,
    index: link.ifindex,
    up: link.flags.includes('UP'),
    mtu: link.mtu,
    type: link.linkinfo?.info_kind ?? null,
    pointToPoint: link.flags.includes('POINTOPOINT'),
    gre: greDevice(link.linkinfo),
    addresses: link.addr_info.flatMap((entry) =>
      entry.local !== undefined && entry.prefixlen !== undefined
        ? [{ address: entry.local, prefixLength: entry.prefixlen, scope: entry.scope ?? 'global' }]
        : [],
    ),
  }));
}

const greSchema = z.object({
  remote: z.string(),
  local: z.string(),
  okey: z.string().optional(),
  encap: z.object({ type: z.string(), sport: z.number(), dport: z.number() }).optional(),
});

/** Null also for a GRE device that no tunnel of ours could be, such as one to any remote. */
function greDevice(info: { info_kind?: string | undefined; info_data?: unknown } | undefined): GreDevice | null {
  const type = info?.info_kind;
  if (type !== 'gre' && type !== 'ip6gre') return null;
  const data = greSchema.safeParse(info?.info_data).data;
  if (data === undefined || !isIp(data.remote)) return null;
  const { remote, local, okey, encap } = data;
  return {
    type,
    remote,
    local: isIp(local) ? local : null,
    key: okey === undefined ? null : greKey(okey),
    udp: encap?.type === 'fou' ? { source: encap.sport, destination: encap.dport } : null,
  };
}

/** ip prints a key as if it were an IPv4 address. */
function greKey(text: string): number {
  return isIpv4(text) ? Number(ipToNumber(text)) : naturalNumber(text);
}

/** Parses `ip -4 -j route show table all`, or `-6`. */
export function parseRoutes(json: string, family: Family): ListedRoute[] {
  return readListing('ip', () => routesOf(json, family));
}

function routesOf(json: string, family: Family): ListedRoute[] {
  return routeSchema.parse(parseList(json)).map((route) => ({
    family,
    destination: route.dst,
    type: route.type ?? 'unicast',
    link: route.dev ?? null,
    gateway: route.gateway ?? null,
    table: String(route.table ?? 'main'),
    source: route.prefsrc ?? null,
    metric: route.metric ?? 0,
    protocol: String(route.protocol ?? 'boot'),
  }));
}

/** Parses `ip -4 -j rule show`, or `-6`. */
export function parseRules(json: string, family: Family): ListedRule[] {
  return readListing('ip', () => rulesOf(json, family));
}

function rulesOf(json: string, family: Family): ListedRule[] {
  return ruleSchema.parse(parseList(json)).map((rule) => ({
    family,
    priority: rule.priority,
    protocol: rule.protocol === undefined ? null : String(rule.protocol),
    from: rule.srclen === undefined ? rule.src : `${rule.src}/${rule.srclen}`,
    to: rule.dst === undefined || rule.dstlen === undefined ? (rule.dst ?? null) : `${rule.dst}/${rule.dstlen}`,
    iif: rule.iif ?? null,
    fwmark:
      rule.fwmark === undefined
        ? null
        : { value: naturalNumber(rule.fwmark), mask: naturalNumber(rule.fwmask ?? '0xffffffff') },
    ipProtocol: rule.ipproto === undefined ? null : protocolName(String(rule.ipproto)),
    sourcePorts: sourcePorts(rule),
    action: ruleAction(rule),
    table: rule.table === undefined ? null : String(rule.table),
  }));
}

/** Without /etc/protocols ip speaks numbers: `ipproto-6` (lib/names.c of iproute2). */
function protocolName(printed: string): string {
  const number = /^(?:ipproto-)?(\d+)$/.exec(printed)?.[1];
  return number === '6' ? 'tcp' : number === '17' ? 'udp' : printed;
}

/** One port as `sport`, a range as its two ends. */
function sourcePorts({
  sport,
  sport_start: first,
  sport_end: last,
}: z.infer<typeof ruleSchema>[number]): ListedRule['sourcePorts'] {
  if (sport !== undefined) return { first: naturalNumber(sport), last: naturalNumber(sport) };
  return first === undefined || last === undefined ? null : { first, last };
}

function ruleAction(rule: z.infer<typeof ruleSchema>[number]): RuleAction | null {
  if (rule.goto !== undefined) return { kind: 'goto', priority: rule.goto };
  if (rule.nop === null) return { kind: 'nop' };
  if (rule.action === 'blackhole') return { kind: 'blackhole' };
  if (rule.table === undefined) return null;
  // One of the system's named tables (rt_tables(5)) is none of ours.
  const table = rule.table === 'main' ? 'main' : /^\d+$/.test(String(rule.table)) ? naturalNumber(rule.table) : null;
  if (table === null) return null;
  if (rule.suppress_prefixlen === undefined) return { kind: 'lookup', table };
  return rule.suppress_prefixlen === 0 ? { kind: 'lookup', table, suppressDefault: true } : null;
}

/** ip prints nothing at all, not `[]`, for some empty listings; and `[{}, …]` gaps for entries of another family. */
function parseList(json: string): unknown[] {
  if (json.trim() === '') return [];
  return z
    .array(z.unknown())
    .parse(JSON.parse(json))
    .filter((entry) => typeof entry === 'object' && entry !== null && Object.keys(entry).length > 0);
}
