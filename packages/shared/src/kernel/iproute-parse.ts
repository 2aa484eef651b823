/** Parses `ip -j`: links with their addresses, IPv4 routes of all tables, IPv4 policy rules. */

import { z } from 'zod';
import type { RuleAction } from '../state/resources.js';

export interface ListedLink {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly mtu: number;
  /** The kernel's word for the kind of device (`wireguard`, `tun`, `veth`), or null for plain hardware. */
  readonly type: string | null;
  readonly addresses: readonly ListedAddress[];
}

export interface ListedAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: string;
}

export interface ListedRoute {
  /** `default`, an address or a prefix. */
  readonly destination: string;
  /** `unicast`, `local`, `broadcast`, `unreachable` … */
  readonly type: string;
  readonly link: string | null;
  readonly table: string;
  readonly source: string | null;
  readonly metric: number;
  readonly protocol: string;
}

export interface ListedRule {
  readonly priority: number;
  readonly protocol: string | null;
  readonly from: string;
  readonly iif: string | null;
  readonly fwmark: { readonly value: number; readonly mask: number } | null;
  readonly ipProtocol: string | null;
  readonly sourcePort: number | null;
  /** Null for actions that we never use (blackhole, prohibit, l3mdev …). */
  readonly action: RuleAction | null;
}

const linkSchema = z.array(
  z.object({
    ifname: z.string(),
    ifindex: z.number(),
    flags: z.array(z.string()),
    mtu: z.number(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
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
    iif: z.string().optional(),
    fwmark: z.string().optional(),
    fwmask: z.string().optional(),
    ipproto: z.union([z.string(), z.number()]).optional(),
    sport: z.union([z.string(), z.number()]).optional(),
    table: z.union([z.string(), z.number()]).optional(),
    suppress_prefixlen: z.number().optional(),
    goto: z.number().optional(),
    nop: z.null().optional(),
    action: z.string().optional(),
    protocol: z.union([z.string(), z.number()]).optional(),
  }),
);

/** Parses `ip -d -j address show`; addresses are IPv4's only. */
export function parseLinks(json: string): ListedLink[] {
  return linkSchema.parse(parseList(json)).map((link) => ({
    name: link.ifname,
    index: link.ifindex,
    up: link.flags.includes('UP'),
    mtu: link.mtu,
    type: link.linkinfo?.info_kind ?? null,
    addresses: link.addr_info.flatMap((entry) =>
      entry.family === 'inet' && entry.local !== undefined && entry.prefixlen !== undefined
        ? [{ address: entry.local, prefixLength: entry.prefixlen, scope: entry.scope ?? 'global' }]
        : [],
    ),
  }));
}

/** Parses `ip -4 -j route show table all`. */
export function parseRoutes(json: string): ListedRoute[] {
  return routeSchema.parse(parseList(json)).map((route) => ({
    destination: route.dst,
    type: route.type ?? 'unicast',
    link: route.dev ?? null,
    table: String(route.table ?? 'main'),
    source: route.prefsrc ?? null,
    metric: route.metric ?? 0,
    protocol: String(route.protocol ?? 'boot'),
  }));
}

/** Parses `ip -4 -j rule show`. */
export function parseRules(json: string): ListedRule[] {
  return ruleSchema.parse(parseList(json)).map((rule) => ({
    priority: rule.priority,
    protocol: rule.protocol === undefined ? null : String(rule.protocol),
    from: rule.srclen === undefined ? rule.src : `${rule.src}/${rule.srclen}`,
    iif: rule.iif ?? null,
    fwmark:
      rule.fwmark === undefined ? null : { value: Number(rule.fwmark), mask: Number(rule.fwmask ?? '0xffffffff') },
    ipProtocol: rule.ipproto === undefined ? null : String(rule.ipproto),
    sourcePort: rule.sport === undefined ? null : Number(rule.sport),
    action: ruleAction(rule),
  }));
}

function ruleAction(rule: z.infer<typeof ruleSchema>[number]): RuleAction | null {
  if (rule.goto !== undefined) return { kind: 'goto', priority: rule.goto };
  if (rule.nop === null) return { kind: 'nop' };
  if (rule.table === undefined) return null;
  const table = rule.table === 'main' ? 'main' : Number(rule.table);
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
