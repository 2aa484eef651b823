/** Forward specs `[ADDRESS:]PUBLIC[=TARGET]/PROTO` and `[ADDRESS:]all`: parsing, the canonical form, and what they cover. */

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
import { formatPortRange, type PortRange, parsePortRange, port, rangeLength } from './port.js';
import { formatPortSpec, joinPortSpecs, type PortSpec, parsePortSpec, rangeWithoutSpecs } from './port-spec.js';
import { parseTransports, TRANSPORTS, type Transport } from './transport.js';

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
  /**
   * Of a forward of everything (`all`: all ports, and all other protocols of IP) what stays at the relay, in one order; null
   * for a forward of ports.
   */
  readonly exceptions: readonly PortSpec[] | null;
}

/** Characters; what the session carries of one spec. */
export const MAX_SPEC_LENGTH = 128;

/** What `all` has of TCP and UDP before its exceptions. */
export const EVERY_PORT: PortRange = { first: port(1), last: port(65_535) };

/** Parses one spec; throws `bad-input` with what to type instead. */
export function parseForward(spec: string): Forward {
  const whole = parseWhole(spec);
  if (whole !== null) return whole;
  const [ports = '', protocol, ...rest] = spec.split('/');
  if (protocol === undefined) {
    throw new RelayError('bad-input', `forward "${spec}" lacks the protocol`, { hint: withProtocol(spec) });
  }
  const transports = parseTransports(protocol);
  if (rest.length > 0 || transports === null) {
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
    return withSpec({ address, publicPorts, targetHost, targetPorts, transports, exceptions: null });
  });
}

/** `all`, `198.51.100.1:all` or `all-except-22/tcp,5000-6000/udp`; null for a spec of ports. */
function parseWhole(spec: string): Forward | null {
  const match = /^(?:([^=]*):)?all(?:-except-([^:]*))?$/.exec(spec);
  if (match === null) return null;
  const [, place, exceptions] = match;
  return inSpec(spec, () => {
    const address = place === undefined ? null : parsePlace(place);
    const forward = wholeForward(address, exceptions === undefined ? [] : exceptions.split(',').map(parsePortSpec));
    if (forward.spec.length <= MAX_SPEC_LENGTH) return forward;
    throw new RelayError('bad-input', 'too many exceptions for one forward', {
      hint: 'join them to ranges, for example 5000-6000/tcp+udp',
    });
  });
}

function parsePlace(text: string): IpAddress {
  const { host, ports } = splitHost(text, 'an address');
  if (host === null || ports !== null) {
    throw new RelayError('bad-input', `"${text}" is not an address`, {
      hint: 'write all, or for example 198.51.100.1:all',
    });
  }
  return publicAddress(host);
}

function wholeForward(address: IpAddress | null, exceptions: readonly PortSpec[]): Forward {
  const ports = { publicPorts: EVERY_PORT, targetHost: null, targetPorts: EVERY_PORT, transports: TRANSPORTS };
  return withSpec({ address, ...ports, exceptions: joinPortSpecs(exceptions) });
}

/** Whether the forward is `all`: every port and every protocol that no other forward has. */
export function isWhole({ exceptions }: Forward): boolean {
  return exceptions !== null;
}

/** An `all` with more exceptions, of which there may be too many for `parseForward`; a forward of ports as it is. */
export function withExceptions(forward: Forward, more: readonly PortSpec[]): Forward {
  const { address, exceptions } = forward;
  return exceptions === null ? forward : wholeForward(address, [...exceptions, ...more]);
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
  return { address: host === null ? null : publicAddress(host), ports: parsePortRange(ports ?? '') };
}

function publicAddress(host: IpAddress): IpAddress {
  if (host !== '0.0.0.0' && host !== '::') return host;
  throw new RelayError('bad-input', `${host} is not one of a relay's addresses`, {
    hint: 'leave it out to forward the port on all of them',
  });
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

/** The spec without its protocol, or without its exceptions: address, ports and target. */
export function placeOf({ spec, address, exceptions }: Forward): string {
  return exceptions === null ? spec.slice(0, spec.lastIndexOf('/')) : `${placePrefix(address)}all`;
}

function placePrefix(address: IpAddress | null): string {
  return address === null ? '' : `${bracketed(address)}:`;
}

function withSpec(forward: Omit<Forward, 'spec'>): Forward {
  return {
    ...forward,
    spec: forward.exceptions === null ? portsText(forward) : wholeText(forward.address, forward.exceptions),
  };
}

function wholeText(address: IpAddress | null, exceptions: readonly PortSpec[]): string {
  const without = exceptions.length === 0 ? '' : `-except-${exceptions.map(formatPortSpec).join(',')}`;
  return `${placePrefix(address)}all${without}`;
}

function portsText(forward: Omit<Forward, 'spec'>): string {
  const publicPorts = formatPortRange(forward.publicPorts);
  const targetPorts = formatPortRange(forward.targetPorts);
  const samePorts = publicPorts === targetPorts;
  const target =
    forward.targetHost === null
      ? samePorts
        ? ''
        : `=${targetPorts}`
      : `=${bracketed(forward.targetHost)}${samePorts ? '' : `:${targetPorts}`}`;
  return `${placePrefix(forward.address)}${publicPorts}${target}/${forward.transports.join('+')}`;
}

/** The forward of ports for other transports, in the order tcp, udp; null for none. */
export function withTransports(forward: Forward, chosen: readonly Transport[]): Forward | null {
  const transports = TRANSPORTS.filter((transport) => chosen.includes(transport));
  return transports.length === 0 ? null : withSpec({ ...forward, transports });
}

/** The same target of a forward of ports on other public ports. */
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

/** Where packets of a transport arrive: one range, or of an `all` what its exceptions leave. */
export function arrivalRanges(forward: Forward, transport: Transport): PortRange[] {
  return rangeWithoutSpecs(arrivalPorts(forward), forward.exceptions ?? [], transport);
}
