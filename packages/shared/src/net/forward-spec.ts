/** Forward specs `[ADDRESS:]PUBLIC[=TARGET]/PROTO`: parsing, the canonical form, and what they cover. */

import { RelayError } from '../errors/relay-error.js';
import {
  bracketed,
  FAMILIES,
  type Family,
  familyOf,
  type IpAddress,
  isIp,
  parseIp,
  parseIpv4,
  parseIpv6,
} from './address.js';
import { formatPortRange, type PortRange, parsePortRange, rangeLength } from './port.js';

export type Transport = 'tcp' | 'udp';

export const TRANSPORTS: readonly Transport[] = ['tcp', 'udp'];

export interface Forward {
  /** The canonical text: what is stored, sent and printed; `parseForward` of it gives the same forward. */
  readonly spec: string;
  /** One public address of the relay, or null for all of them. */
  readonly address: IpAddress | null;
  readonly publicPorts: PortRange;
  /** A host behind the backend, of the family of `address` if both are given; null for the backend itself. */
  readonly targetHost: IpAddress | null;
  /** As long as `publicPorts`. */
  readonly targetPorts: PortRange;
  /** In the order tcp, udp; never empty. */
  readonly transports: readonly Transport[];
}

const PROTOCOLS: Record<string, readonly Transport[]> = {
  tcp: ['tcp'],
  udp: ['udp'],
  'tcp+udp': TRANSPORTS,
  'udp+tcp': TRANSPORTS,
};

/** Parses one spec; throws `bad-input` with what to type instead. */
export function parseForward(spec: string): Forward {
  if (spec === 'all') {
    throw new RelayError('bad-input', 'forwarding a whole host with "all" is not supported by this version', {
      hint: 'name the ports, for example 1024-65535/tcp+udp',
    });
  }
  const [ports = '', protocol, ...rest] = spec.split('/');
  if (protocol === undefined) {
    throw new RelayError('bad-input', `forward "${spec}" lacks the protocol`, { hint: withProtocol(spec) });
  }
  const transports = Object.hasOwn(PROTOCOLS, protocol) ? PROTOCOLS[protocol] : undefined;
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
    const { address, ports: publicPorts } = parsePublicSide(publicSide);
    const { address: targetHost, ports: targetPorts } = parseTargetSide(targetSide, publicPorts);
    if (rangeLength(publicPorts) !== rangeLength(targetPorts)) {
      throw new RelayError('bad-input', 'the ranges before and after "=" differ in length');
    }
    if (address !== null && targetHost !== null && familyOf(address) !== familyOf(targetHost)) {
      throw new RelayError('bad-input', `${address} and ${targetHost} are of different families`, {
        hint: 'IPv4 clients reach IPv4 hosts, and IPv6 clients IPv6 hosts',
      });
    }
    return withSpec({ address, publicPorts, targetHost, targetPorts, transports });
  });
}

/** What was meant, where that can be told: `443` as 443/tcp, `53udp` as 53/udp. */
function withProtocol(spec: string): string | undefined {
  const [, ports = spec, protocol = 'tcp'] = /^(.*?)(tcp|udp)?$/.exec(spec) ?? [];
  const meant = `${ports}/${protocol}`;
  try {
    return `write ${parseForward(meant).spec}`;
  } catch {
    return undefined;
  }
}

interface Side {
  readonly address: IpAddress | null;
  readonly ports: PortRange;
}

function parsePublicSide(text: string): Side {
  const { host, ports } = splitHost(text, 'a port');
  if (host !== null && ports === null) throw new RelayError('bad-input', `"${text}" lacks the port`);
  if (host === '0.0.0.0' || host === '::') {
    throw new RelayError('bad-input', `${host} is not one of a relay's addresses`, {
      hint: 'leave it out to forward the port on all of them',
    });
  }
  return { address: host, ports: parsePortRange(ports ?? '') };
}

function parseTargetSide(text: string | undefined, publicPorts: PortRange): Side {
  if (text === undefined) return { address: null, ports: publicPorts };
  const { host, ports } = splitHost(text, 'a target such as 8080 or 192.168.1.9:8080');
  return { address: host, ports: ports === null ? publicPorts : parsePortRange(ports) };
}

/** `HOST:PORTS`, `PORTS`, or a host alone; an IPv6 host stands in brackets. */
function splitHost(text: string, expected: string): { host: IpAddress | null; ports: string | null } {
  const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (match !== null) return { host: parseIpv6(match[1] ?? ''), ports: match[2] ?? null };
  const [left = '', right, ...rest] = text.split(':');
  if (rest.length > 0) throw new RelayError('bad-input', `"${text}" is not ${expected}`, { hint: bracketHint(text) });
  if (right !== undefined && /^\d+(-\d+)?$/.test(left)) {
    throw new RelayError('bad-input', `"${text}" has a ":" where a "=" belongs`, { hint: `write ${left}=${right}` });
  }
  if (right !== undefined) return { host: parseIpv4(left), ports: right };
  return isIp(left) ? { host: parseIp(left), ports: null } : { host: null, ports: left };
}

/** Most often the brackets are missing. */
function bracketHint(text: string): string | undefined {
  return /^[0-9a-fA-F:.]+$/.test(text) ? 'write an IPv6 address in brackets, for example [fd00::9]:443/tcp' : undefined;
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

/** The spec without its protocol: address, ports and target. */
export function placeOf({ spec }: Forward): string {
  return spec.slice(0, spec.lastIndexOf('/'));
}

function withSpec(forward: Omit<Forward, 'spec'>): Forward {
  const publicPorts = formatPortRange(forward.publicPorts);
  const targetPorts = formatPortRange(forward.targetPorts);
  const address = forward.address === null ? '' : `${bracketed(forward.address)}:`;
  const samePorts = publicPorts === targetPorts;
  const target =
    forward.targetHost === null
      ? samePorts
        ? ''
        : `=${targetPorts}`
      : `=${bracketed(forward.targetHost)}${samePorts ? '' : `:${targetPorts}`}`;
  return { ...forward, spec: `${address}${publicPorts}${target}/${forward.transports.join('+')}` };
}

/** The forward for other transports, in the order tcp, udp; null for none. */
export function withTransports(forward: Forward, chosen: readonly Transport[]): Forward | null {
  const transports = TRANSPORTS.filter((transport) => chosen.includes(transport));
  return transports.length === 0 ? null : withSpec({ ...forward, transports });
}

/** The same target on other public ports. */
export function withPublicPorts(forward: Forward, publicPorts: PortRange): Forward {
  return withSpec({ ...forward, publicPorts });
}

/** Families of the clients it is for: a host behind the backend can only be reached by its own. */
export function familiesOf({ address, targetHost }: Forward): readonly Family[] {
  const named = address ?? targetHost;
  return named === null ? FAMILIES : [familyOf(named)];
}

/**
 * The ports at the backend's tunnel address by which a forward's packets are told apart there: the targets', or the
 * public ones where a host behind the backend is meant, since several hosts may serve the same port.
 */
export function arrivalPorts({ publicPorts, targetHost, targetPorts }: Forward): PortRange {
  return targetHost === null ? targetPorts : publicPorts;
}
