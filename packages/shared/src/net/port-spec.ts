/** Ports of transports as they are written where no target follows: `22/tcp`, `5000-6000/udp`, `53/tcp+udp`. */

import { RelayError } from '../errors/relay-error.js';
import { formatPortRange, joinRanges, type PortRange, parsePortRange, rangesBetween } from './port.js';
import { parseTransports, TRANSPORTS, type Transport } from './transport.js';

export interface PortSpec {
  readonly ports: PortRange;
  /** In the order tcp, udp; never empty. */
  readonly transports: readonly Transport[];
}

/** Parses one; throws `bad-input`. */
export function parsePortSpec(text: string): PortSpec {
  const [ports = '', protocol, ...rest] = text.split('/');
  const transports = protocol === undefined ? null : parseTransports(protocol);
  if (transports === null || rest.length > 0) {
    throw new RelayError('bad-input', `"${text}" is not a port such as 22/tcp or 5000-6000/udp`);
  }
  return { ports: parsePortRange(ports), transports };
}

export function formatPortSpec({ ports, transports }: PortSpec): string {
  return `${formatPortRange(ports)}/${transports.join('+')}`;
}

/** The same ports in one order: those of a transport that overlap are joined, and what both transports have stands once. */
export function joinPortSpecs(specs: readonly PortSpec[]): PortSpec[] {
  const joined = new Map<string, PortSpec>();
  for (const transport of TRANSPORTS) {
    for (const ports of portsOfTransport(specs, transport)) {
      const key = formatPortRange(ports);
      joined.set(key, { ports, transports: [...(joined.get(key)?.transports ?? []), transport] });
    }
  }
  return [...joined.values()].sort((a, b) => a.ports.first - b.ports.first || a.ports.last - b.ports.last);
}

/** Of one transport, disjoint and in ascending order. */
export function portsOfTransport(specs: readonly PortSpec[], transport: Transport): PortRange[] {
  return joinRanges(specs.filter(({ transports }) => transports.includes(transport)).map(({ ports }) => ports));
}

/** What of a range the specs leave of a transport, in ascending order. */
export function rangeWithoutSpecs(range: PortRange, specs: readonly PortSpec[], transport: Transport): PortRange[] {
  return rangesBetween(range, portsOfTransport(specs, transport));
}
