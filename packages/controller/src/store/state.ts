/** What a relay remembers: its keys, its pool, its pairings, its tokens. The schema is the file's format; fields with a default came later. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { isIp, isIpv4, isIpv6 } from '@homeward/shared/net/address';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import { addressAt, parseIpv4Prefix, parseIpv6Prefix } from '@homeward/shared/net/prefix';
import { DEFAULT_CONFIRM_MS } from '@homeward/shared/protocol/confirm-time';
import { tunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { z } from 'zod';

/** Stored as its canonical text, worked with as what it says. */
const forward = z.codec(z.string(), z.custom<Forward>(), {
  decode(text, { issues }) {
    try {
      return parseForward(text);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      // As any other value that is not in this format: the file is damaged, nobody's input is wrong.
      issues.push({ code: 'custom', input: text, message: error.message });
      return z.NEVER;
    }
  },
  encode: ({ spec }) => spec,
});

const ip = z.string().refine((text): boolean => isIp(text), 'no IP address');
const ipv4 = z.string().refine((text): boolean => isIpv4(text), 'no IPv4 address');
const ipv6 = z.string().refine((text): boolean => isIpv6(text), 'no IPv6 address');

/** A prefix that all pairings have their addresses in, as text. */
const prefix = (parse: (text: string) => unknown) => z.string().refine((text) => isReadBy(parse, text), 'no prefix');

function isReadBy(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text);
    return true;
  } catch (error) {
    if (error instanceof RelayError) return false;
    throw error;
  }
}

/** Version 0.1.0 had one kind and stored its name. */
const tunnel = z.codec(z.union([z.literal('wireguard'), tunnelSpec]), tunnelSpec, {
  decode: (stored) => (stored === 'wireguard' ? { kind: stored } : stored),
  encode: (spec) => spec,
});

const addresses = z.strictObject({ ipv4: ipv4.nullable(), ipv6: ipv6.nullable() }).nullable();

/** What the agent said to have done with an offer. */
const applied = z.strictObject({
  revision: z.int(),
  refused: z.array(z.strictObject({ spec: z.string(), reason: z.string() })),
  device: z.string(),
  implementation: z.enum(['kernel', 'wireguard-go']).nullable(),
  /** The backend's addresses on its owner's device; null for all tunnels that are ours. */
  addresses,
  ipv6: z.boolean(),
  echoPort: z.int(),
});

/** What is gone back to unless a change of tunnels is confirmed in time. */
const fallbackSchema = z.strictObject({
  tunnel: tunnelSpec,
  /** What the agent had done with it: clients are led there again at once, whoever goes back. */
  applied: applied.nullable(),
  /** The guard's name of the change. */
  change: z.string(),
  confirmMs: z.int().min(1),
});

/** Until 0.1.0 only the tunnel was stored, and no guard stood by. */
const fallback = z.codec(z.union([tunnelSpec, fallbackSchema]), fallbackSchema, {
  decode: (stored) =>
    'kind' in stored ? { tunnel: stored, applied: null, change: '', confirmMs: DEFAULT_CONFIRM_MS } : stored,
  encode: (value) => value,
});

export const pairingSchema = z.strictObject({
  name: z.string(),
  /** Position in the pools; the backend's addresses are pool + index + 1. */
  index: z.int().min(1),
  tunnel,
  /**
   * Set while a change of tunnels waits to be confirmed, and until all is as before where it was not; null when the tunnel
   * has proven itself, or was the first.
   */
  fallback: fallback.nullable().default(null),
  /** Where the backend is, as its last session and its own packets showed it; null until the agent said hello. */
  outer: z.strictObject({ local: ip, remote: ip, port: z.int().nullable() }).nullable().default(null),
  /** Null until the backend has enrolled. */
  agentKey: z.string().nullable(),
  /** Null until the agent said hello. */
  wireguardPublicKey: z.string().nullable(),
  presharedKey: z.string(),
  forwards: z.array(forward),
  /** Counts the changes of what the agent is offered. */
  revision: z.int(),
  /** What the agent last said to have done; null before it did. */
  applied: applied.extend({ addresses: addresses.default(null) }).nullable(),
  proof: z.strictObject({ ok: z.boolean(), at: z.string() }).nullable(),
});

export const tokenSchema = z.strictObject({
  id: z.string(),
  /** SHA-256 of the secret: random secrets need no slow hash. */
  secretHash: z.string(),
  /** The one backend it is for; null for a token with a prefix. */
  name: z.string().nullable(),
  /** Each backend that enrolls with it is called PREFIX-1, PREFIX-2, …; null for a token with a name. */
  namePrefix: z.string().nullable().default(null),
  createdAt: z.string(),
  expiresAt: z.string(),
  usesLeft: z.int().min(0),
  /** Keys that used it, for an answer that was lost and is asked for again. */
  usedBy: z.array(z.strictObject({ agentKey: z.string(), at: z.string(), from: z.string() })),
  /** When the operator revoked it; null for all others. */
  revokedAt: z.string().nullable().default(null),
});

const everything = z.strictObject({
  version: z.literal(1),
  /** X25519 key pair of the session layer, base64. */
  identity: z.strictObject({ publicKey: z.string(), secretKey: z.string() }),
  wireguard: z.strictObject({ publicKey: z.string(), privateKey: z.string(), port: z.int() }),
  pool: prefix(parseIpv4Prefix),
  /** IPv6's: a random ULA /64. */
  pool6: prefix(parseIpv6Prefix),
  pairings: z.array(pairingSchema),
  tokens: z.array(tokenSchema),
  revoked: z.array(z.strictObject({ agentKey: z.string(), name: z.string(), at: z.string() })),
});

/** Each pairing has its place in both pools. */
export const stateSchema = everything.refine(
  ({ pool, pool6, pairings }) => {
    const most = Math.max(0, ...pairings.map(({ index }) => index)) + 1;
    return (
      isReadBy((text) => addressAt(parseIpv4Prefix(text), most), pool) &&
      isReadBy((text) => addressAt(parseIpv6Prefix(text), most), pool6)
    );
  },
  { path: ['pairings'], message: 'more than the pool has addresses for' },
);

export type Pairing = z.infer<typeof pairingSchema>;
export type Fallback = z.infer<typeof fallbackSchema>;
export type TokenRecord = z.infer<typeof tokenSchema>;
export type RelayState = z.infer<typeof stateSchema>;

/** What the schema encodes, without looking at ten thousand forwards one by one: a change of one would be felt. */
export function encodeState(state: RelayState): unknown {
  const pairings = state.pairings.map(({ forwards, ...rest }) => ({
    ...rest,
    forwards: forwards.map(({ spec }) => spec),
  }));
  return { ...state, pairings };
}
