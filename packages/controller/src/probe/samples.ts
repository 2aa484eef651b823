/** Which ports of which forwards are probed: of a range the first, a middle and the last, in each family of its clients. Pure. */

import type { Family, IpAddress } from '@homeward/shared/net/address';
import { PROBE } from '@homeward/shared/net/allocation';
import { arrivalPorts, type Forward, familiesOf } from '@homeward/shared/net/forward-spec';
import { type PortRange, rangeLength } from '@homeward/shared/net/port';
import { type PortSpec, rangeWithoutSpecs } from '@homeward/shared/net/port-spec';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';

/** A host behind the backend, with all ports there that the forward leads to. */
export interface LanTarget {
  readonly host: IpAddress;
  readonly ports: PortRange;
}

export interface Sample {
  /** Canonical spec, or null for our own echo. */
  readonly forward: string | null;
  readonly family: Family;
  readonly transport: Transport;
  /** Where a client connects to. */
  readonly address: IpAddress;
  readonly publicPort: number;
  /** The port at the backend's tunnel address. */
  readonly arrivalPort: number;
  readonly targetPort: number;
  /** Of a service on a host behind the backend: then the backend's own echo proves nothing about its way home. */
  readonly lan: LanTarget | null;
}

/** Of a forward to a host behind the backend. */
export type LanSample = Sample & { readonly lan: LanTarget };

/** Where clients come in when a forward names no address; null for a family that the relay or the backend lacks. */
export type Entrances = Readonly<Record<Family, IpAddress | null>>;

/** The samples of one forward, of an `all` without the `kept` ports; none where it has no entrance. */
export function samplesOf(forward: Forward, entrances: Entrances, kept: readonly PortSpec[] = []): Sample[] {
  const { first } = forward.publicPorts;
  return familiesOf(forward).flatMap((family) => {
    const entrance = entrances[family];
    if (entrance === null) return [];
    return forward.transports.flatMap((transport) =>
      probedPorts(forward, kept, transport).map((publicPort) => ({
        forward: forward.spec,
        family,
        transport,
        address: forward.address ?? entrance,
        publicPort,
        arrivalPort: arrivalPorts(forward).first + publicPort - first,
        targetPort: forward.targetPorts.first + publicPort - first,
        lan: forward.targetHost === null ? null : { host: forward.targetHost, ports: forward.targetPorts },
      })),
    );
  });
}

/** Of the ports that are forwarded the first, the middle one and the last. */
function probedPorts(forward: Forward, kept: readonly PortSpec[], transport: Transport): number[] {
  const { publicPorts, exceptions } = forward;
  const specs = exceptions === null ? [] : [...exceptions, ...kept];
  const ports = rangeWithoutSpecs(publicPorts, specs, transport);
  const length = ports.reduce((sum, range) => sum + rangeLength(range), 0);
  const positions = new Set([0, Math.floor(length / 2), length - 1]);
  return [...positions].flatMap((position) => portAt(ports, position));
}

/** None beyond the ranges. */
function portAt([range, ...rest]: readonly PortRange[], position: number): number[] {
  if (range === undefined || position < 0) return [];
  const length = rangeLength(range);
  return position < length ? [range.first + position] : portAt(rest, position - length);
}

/** Our own echo at the backend, on the wildcard address, entered by a door only the probe has. */
export function echoSamples(families: readonly Family[], entryPort: number, echoPort: number): Sample[] {
  return families.flatMap((family) =>
    TRANSPORTS.map((transport) => ({
      forward: null,
      family,
      transport,
      address: PROBE[family].relay,
      publicPort: entryPort,
      arrivalPort: echoPort,
      targetPort: echoPort,
      lan: null,
    })),
  );
}
