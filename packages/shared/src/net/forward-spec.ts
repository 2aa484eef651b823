/** Forward specs `[ADDRESS:]PUBLIC[=TARGET]/PROTO`: parsing, the canonical form, and the single ports they cover. */

import { RelayError } from '../errors/relay-error.js';
import { type Ipv4Address, isIpv4, parseIpv4 } from './ipv4.js';
import { formatPortRange, type Port, type PortRange, parsePortRange, port, rangeLength } from './port.js';

export type Transport = 'tcp' | 'udp';

export interface Forward {
  /** One public address of the relay, or null for all of them. */
  readonly address: Ipv4Address | null;
  readonly publicPorts: PortRange;
  /** A host behind the backend, or null for the backend itself. */
  readonly targetHost: Ipv4Address | null;
  /** As long as `publicPorts`. */
  readonly targetPorts: PortRange;
  /** In the order tcp, udp; never empty. */
  readonly transports: readonly Transport[];
}

/** One public port of a forward with its target port: what one map element in the kernel stands for. */
export interface PortMapping {
  readonly transport: Transport;
  readonly publicPort: Port;
  readonly targetPort: Port;
}

/** Each port is an element in the kernel's maps, listed at every look: more of them would make each look slow. */
const LONGEST_RANGE = 1_024;

const TRANSPORTS: Record<string, readonly Transport[]> = {
  tcp: ['tcp'],
  udp: ['udp'],
  'tcp+udp': ['tcp', 'udp'],
  'udp+tcp': ['tcp', 'udp'],
};

/** Parses one spec; throws `bad-input` with what to type instead. */
export function parseForward(spec: string): Forward {
  if (spec === 'all') {
    throw new RelayError('bad-input', 'forwarding a whole host with "all" is not supported by this version', {
      hint: 'name the ports, for example 1024-2048/tcp+udp',
    });
  }
  const [ports = '', protocol, ...rest] = spec.split('/');
  if (protocol === undefined) {
    throw new RelayError('bad-input', `forward "${spec}" lacks the protocol`, { hint: `write ${spec}/tcp` });
  }
  const transports = Object.hasOwn(TRANSPORTS, protocol) ? TRANSPORTS[protocol] : undefined;
  if (rest.length > 0 || transports === undefined) {
    throw new RelayError('bad-input', `forward "${spec}": "${[protocol, ...rest].join('/')}" is not a protocol`, {
      hint: `write ${ports}/tcp, ${ports}/udp or ${ports}/tcp+udp`,
    });
  }
  const [publicSide = '', targetSide, ...more] = ports.split('=');
  if (more.length > 0) {
    throw new RelayError('bad-input', `forward "${spec}" has more than one "="`, { hint: 'write PUBLIC=TARGET/PROTO' });
  }
  return inSpec(spec, () => {
    const { address, publicPorts } = parsePublicSide(publicSide);
    const { targetHost, targetPorts } = parseTargetSide(targetSide, publicPorts);
    if (rangeLength(publicPorts) !== rangeLength(targetPorts)) {
      throw new RelayError('bad-input', 'the ranges before and after "=" differ in length');
    }
    if (rangeLength(publicPorts) > LONGEST_RANGE) {
      throw new RelayError('bad-input', `ranges of more than ${LONGEST_RANGE} ports are not supported by this version`);
    }
    return { address, publicPorts, targetHost, targetPorts, transports };
  });
}

function parsePublicSide(text: string): { address: Ipv4Address | null; publicPorts: PortRange } {
  refuseIpv6(text);
  const [left = '', right, ...rest] = text.split(':');
  if (rest.length > 0) throw new RelayError('bad-input', `"${text}" is not a port`);
  if (right === undefined) return { address: null, publicPorts: parsePortRange(left) };
  return { address: parseIpv4(left), publicPorts: parsePortRange(right) };
}

function parseTargetSide(
  text: string | undefined,
  publicPorts: PortRange,
): { targetHost: Ipv4Address | null; targetPorts: PortRange } {
  if (text === undefined) return { targetHost: null, targetPorts: publicPorts };
  refuseIpv6(text);
  if (isIpv4(text)) return { targetHost: text, targetPorts: publicPorts };
  const [left = '', right, ...rest] = text.split(':');
  if (rest.length > 0) throw new RelayError('bad-input', `"${text}" is not a target such as 8080 or 192.168.1.9:8080`);
  if (right === undefined) return { targetHost: null, targetPorts: parsePortRange(left) };
  return { targetHost: parseIpv4(left), targetPorts: parsePortRange(right) };
}

function refuseIpv6(text: string): void {
  if (text.includes('[') || text.split(':').length > 2) {
    throw new RelayError('bad-input', `"${text}": IPv6 addresses are not supported by this version`);
  }
}

/** Puts the spec in front of an error from one of its parts. */
function inSpec<Value>(spec: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    throw new RelayError(error.code, `forward "${spec}": ${error.message}`, { hint: error.hint, cause: error });
  }
}

/** The canonical text of a forward; `parseForward` of it gives the same forward. */
export function formatForward(forward: Forward): string {
  const publicPorts = formatPortRange(forward.publicPorts);
  const targetPorts = formatPortRange(forward.targetPorts);
  const address = forward.address === null ? '' : `${forward.address}:`;
  const samePorts = publicPorts === targetPorts;
  const target =
    forward.targetHost === null
      ? samePorts
        ? ''
        : `=${targetPorts}`
      : `=${forward.targetHost}${samePorts ? '' : `:${targetPorts}`}`;
  return `${address}${publicPorts}${target}/${forward.transports.join('+')}`;
}

/** Every (transport, public port, target port) a forward covers. */
export function portMappings(forward: Forward): PortMapping[] {
  const count = rangeLength(forward.publicPorts);
  return forward.transports.flatMap((transport) =>
    Array.from({ length: count }, (_, offset) => ({
      transport,
      publicPort: port(forward.publicPorts.first + offset),
      targetPort: port(forward.targetPorts.first + offset),
    })),
  );
}
