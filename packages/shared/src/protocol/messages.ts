/**
 * Every message of the session, as zod schemas. Unknown types and extra fields are refused, but for the first message of
 * each side: it says what its sender can do, and a newer one may say more than we understand. Whoever would say more in
 * any other message must have heard before that the other side understands it.
 */

import { z } from 'zod';
import { RelayError } from '../errors/relay-error.js';
import { isIpv6 } from '../net/address.js';
import { isDialUrl } from '../net/dial-url.js';
import { MAX_SPEC_LENGTH } from '../net/forward-spec.js';
import { BACKEND_NAME_PATTERN } from '../net/names.js';
import { CONFIRM_BOUNDS_MS } from './confirm-time.js';

/** Bounds that no honest message reaches; a bigger one is an attack or a bug. No control characters: it may be printed. */
const text = z
  .string()
  .max(512)
  .regex(/^\P{Cc}*$/u);
const port = z.int().min(1).max(65_535);
const revision = z.int().min(0);
const transport = z.enum(['tcp', 'udp']);
/** Of one trace; few rules drop everything. */
export const MOST_DROPS = 256;
/** At once: each is a socket, and one that is silent takes seconds. */
export const MOST_VISITS = 64;
const spec = z.string().min(1).max(MAX_SPEC_LENGTH);
/** Ten thousand strings one by one through a schema would be felt at every change of one. */
const specs = z.custom<string[]>(
  (value) => Array.isArray(value) && value.length <= 20_000 && value.every(isSpec),
  'not a list of forward specs',
);
const wireguardKey = z.string().regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/);
/** In the canonical form, so that equal addresses are equal texts. */
const ipv6 = z.string().max(45).refine(isIpv6);
const ip = z.union([z.ipv4(), ipv6]);
/** In the one spelling whose surplus bits are zero: 8 and 32 bytes leave two of them. */
const bytes = (length: 8 | 32) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((length * 4) / 3) - 1}}[AEIMQUYcgkosw048]$`));
const url = z.string().refine(isDialUrl);

export const wireguardOffer = z.strictObject({
  kind: z.literal('wireguard'),
  relayPublicKey: wireguardKey,
  presharedKey: wireguardKey,
  /** UDP port of the relay; its host is the one the agent dialled. */
  endpointPort: port,
  relayAddress: z.ipv4(),
  backendAddress: z.ipv4(),
  relayAddress6: ipv6,
  backendAddress6: ipv6,
  /** Octets; what an inner packet may have. */
  mtu: z.int().min(1280).max(9000),
});

const greOffer = z.strictObject({
  kind: z.literal('gre'),
  relayAddress: z.ipv4(),
  backendAddress: z.ipv4(),
  relayAddress6: ipv6,
  backendAddress6: ipv6,
  /** 32 bits of both directions, or null for none. */
  key: z.int().min(0).max(0xffff_ffff).nullable(),
  /** Of the relay, for GRE in UDP; null for plain GRE. */
  udpPort: port.nullable(),
  mtu: z.int().min(1280).max(9000),
});

/** Of the device that both owners named for themselves; null for a family without an address. */
const externalOffer = z.strictObject({
  kind: z.literal('external'),
  relayAddress: z.ipv4().nullable(),
  relayAddress6: ipv6.nullable(),
});

/** One row per tunnel kind; a new kind adds its schema here. */
const tunnelOffer = z.discriminatedUnion('kind', [wireguardOffer, greOffer, externalOffer]);

const welcome = z.object({
  type: z.literal('welcome'),
  name: z.string().regex(BACKEND_NAME_PATTERN),
  urls: z.array(url).min(1).max(16),
  /** Of the relay's program; not told to whom has not asked for it. */
  version: text.optional(),
});
const refused = z.strictObject({ type: z.literal('refused') });
const offer = z.strictObject({
  type: z.literal('offer'),
  revision,
  tunnel: tunnelOffer,
  /** Canonical forward specs. */
  forwards: specs,
  /**
   * Milliseconds after which the backend goes back to the offer before, unless it hears `confirmed` or another offer;
   * without it this one holds at once. Sent to agents that list the capability `confirm`.
   */
  confirmWithinMs: z.int().min(1).max(CONFIRM_BOUNDS_MS.most).optional(),
});
/** The offer of that revision was proven, and holds. Sent to agents that list the capability `confirm`. */
const confirmed = z.strictObject({ type: z.literal('confirmed'), revision });
const observe = z.strictObject({
  type: z.literal('observe'),
  id: z.int().min(0),
  action: z.enum(['start', 'stop']),
  /** The ports at the backend's tunnel address that are about to be probed. */
  watch: z.array(z.strictObject({ transport, port })).max(4096),
  /** Ports the synthetic client comes from: other clients' flows are nobody's business. */
  clientPorts: z.array(port).max(4096),
  /** To say as well what dropped them. Sent to agents that list the capability `trace`. */
  trace: z.literal(true).optional(),
  /** To visit the watched hosts behind the backend as well. Sent to agents that list the capability `visit`. */
  visit: z.literal(true).optional(),
});
const unpair = z.strictObject({ type: z.literal('unpair') });
/** The relay's end of the tunnel was made anew and knows no session: the backend is to begin one. For agents that list the capability. */
const renew = z.strictObject({ type: z.literal('renew') });
const ping = z.strictObject({ type: z.literal('ping'), id: z.int().min(0) });

const enroll = z.strictObject({
  type: z.literal('enroll'),
  tokenId: bytes(8),
  secret: bytes(32),
});
const hello = z.object({
  type: z.literal('hello'),
  version: text,
  capabilities: z.array(text).max(64),
  bootId: text,
  /** Prefixes the backend's own links and routes use. */
  prefixes: z.array(z.union([z.cidrv4(), z.cidrv6()])).max(1024),
  wireguardPublicKey: wireguardKey,
  /** The backend's own address towards the relay, to tell whether NAT lies between. */
  outerAddress: ip.nullable(),
  revision,
});
const applied = z.strictObject({
  type: z.literal('applied'),
  revision,
  ok: z.boolean(),
  reason: text.nullable(),
  refused: z.array(z.strictObject({ spec, reason: text })).max(20_000),
  device: text,
  implementation: z.enum(['kernel', 'wireguard-go']).nullable(),
  /** The backend's addresses on a device that its owner named; null for all other tunnels. */
  addresses: z.strictObject({ ipv4: z.ipv4().nullable(), ipv6: ipv6.nullable() }).nullable(),
  /** Whether IPv6 clients can be sent there: the backend speaks it, and its tunnel carries it. */
  ipv6: z.boolean(),
  /** Port of the backend's own echo on the wildcard address, TCP and UDP. */
  echoPort: port,
});
const observedFlow = z.strictObject({
  transport,
  /** `none`: it came out of the tunnel and was dropped; else handed to a socket of the backend, or on to another host or container. */
  delivery: z.enum(['none', 'local', 'forwarded']),
  /** Source address and port as the backend's kernel saw them: where it was delivered, after every translation there. */
  address: ip,
  port,
  arrivedOn: text,
  /** The link a reply to this flow, or an ICMP error about it, left by; null when none left. */
  leftOn: text.nullable(),
});
const drop = z.strictObject({
  clientPort: port,
  direction: z.enum(['request', 'reply']),
  /** Family and name. */
  table: text,
  chain: text,
  /** Null for the chain's policy. */
  rule: text.nullable(),
});
/** What a host behind the backend says to the backend's own connection or datagram. */
const visit = z.strictObject({
  transport,
  /** The watched port, at the tunnel address, that leads to it. */
  port,
  host: ip,
  /** The backend's own address towards it. */
  source: ip,
  /** The next machine on the way there; null where it is on a network of the backend's own. */
  router: ip.nullable(),
  /** `refused`: nothing listens there; `absent`: no such host; `silent`: it is there for all that is known, and says nothing. */
  outcome: z.enum(['answered', 'refused', 'absent', 'silent']),
});
const observed = z.strictObject({
  type: z.literal('observed'),
  id: z.int().min(0),
  flows: z.array(observedFlow).max(8192),
  /** Our own kernel state that is missing or changed at the backend, as plan lines. */
  drift: z.array(text).max(64),
  /** Programs listening on the watched ports; `problem` says why no client of a family can reach one that listens otherwise than it should. */
  listeners: z
    .array(
      z.strictObject({
        transport,
        port,
        program: text,
        problem: z.strictObject({ ipv4: text.nullable(), ipv6: text.nullable() }),
      }),
    )
    .max(4096),
  /** Which rules of the backend dropped the probes, of whatever table; only where a trace was asked for. */
  drops: z.array(drop).max(MOST_DROPS).optional(),
  /** Of hosts behind the backend; only where visits were asked for. */
  visits: z.array(visit).max(MOST_VISITS).optional(),
});
const report = z.strictObject({
  type: z.literal('report'),
  drift: z.array(text).max(64),
});
const leave = z.strictObject({ type: z.literal('leave') });
const pong = z.strictObject({ type: z.literal('pong'), id: z.int().min(0) });

const controllerMessage = z.discriminatedUnion('type', [
  welcome,
  refused,
  offer,
  confirmed,
  observe,
  renew,
  unpair,
  ping,
]);
const agentMessage = z.discriminatedUnion('type', [enroll, hello, applied, observed, report, leave, pong]);

/** Of an agent that understands `renew`. */
export const RENEW = 'renew';
/** Of an agent that goes back from an offer by itself unless it hears `confirmed`. */
export const CONFIRM = 'confirm';

/** Of an agent that can say what dropped a probe. */
export const TRACE = 'trace';

/** Of an agent that can say what hosts behind it answer to itself. */
export const VISIT = 'visit';

/** What the controller may say. */
export type ControllerMessage = z.infer<typeof controllerMessage>;
/** What the agent may say. */
export type AgentMessage = z.infer<typeof agentMessage>;
export type MessageOf<Union extends { type: string }, Type extends Union['type']> = Extract<Union, { type: Type }>;
export type Offer = MessageOf<ControllerMessage, 'offer'>;
export type TunnelOffer = Offer['tunnel'];
export type Hello = MessageOf<AgentMessage, 'hello'>;
export type Applied = MessageOf<AgentMessage, 'applied'>;
export type Observed = MessageOf<AgentMessage, 'observed'>;
export type ObservedFlow = Observed['flows'][number];
export type Visit = NonNullable<Observed['visits']>[number];
export const offerSchema = offer;

function isSpec(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_SPEC_LENGTH;
}

/** Checks a decoded value; throws `protocol` without repeating the peer's text. */
export function parseControllerMessage(value: unknown): ControllerMessage {
  return parsed(controllerMessage, value, { peer: 'relay', here: 'backend' });
}

/** Checks a decoded value; throws `protocol` without repeating the peer's text. */
export function parseAgentMessage(value: unknown): AgentMessage {
  return parsed(agentMessage, value, { peer: 'backend', here: 'relay' });
}

function parsed<Output>(
  schema: z.ZodType<Output>,
  value: unknown,
  { peer, here }: { readonly peer: string; readonly here: string },
): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.') || 'message';
  throw new RelayError(
    'protocol',
    `the ${peer} sent a message that the homeward of this ${here} does not know (at ${where}); upgrade this ${here}, or the ${peer} if that is older`,
  );
}
