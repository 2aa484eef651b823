/** Which ports of which forwards are probed: of a range the first, a middle and the last. Pure. */

import { type Forward, formatForward, type Transport } from '@homeward/shared/net/forward-spec';
import type { Ipv4Address } from '@homeward/shared/net/ipv4';
import { rangeLength } from '@homeward/shared/net/port';

export interface Sample {
  /** Canonical spec, or null for our own echo. */
  readonly forward: string | null;
  readonly transport: Transport;
  /** Where a client connects to. */
  readonly address: Ipv4Address;
  readonly publicPort: number;
  /** The port at the backend's tunnel address. */
  readonly targetPort: number;
  /** Whether the service is on a host behind the backend: then the backend's own echo proves nothing about its way home. */
  readonly isBehindBackend: boolean;
}

/** The samples of one forward; `uplink` is where clients come in when the forward names no address. */
export function samplesOf(forward: Forward, uplink: Ipv4Address): Sample[] {
  const length = rangeLength(forward.publicPorts);
  const offsets = [...new Set([0, Math.floor(length / 2), length - 1])];
  return forward.transports.flatMap((transport) =>
    offsets.map((offset) => ({
      forward: formatForward(forward),
      transport,
      address: forward.address ?? uplink,
      publicPort: forward.publicPorts.first + offset,
      targetPort: forward.targetPorts.first + offset,
      isBehindBackend: forward.targetHost !== null,
    })),
  );
}

/** A DNS query for the root's name servers (RFC 1035, 4.1): every name server answers it somehow. */
const DNS_QUERY = Buffer.from([0x68, 0x77, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, 0x00, 0x00, 0x02, 0x00, 0x01]);

/** What a UDP probe says: a question the usual service of that port answers, else the echo's own greeting. */
export function payloadFor(targetPort: number): Buffer {
  return targetPort === 53 ? DNS_QUERY : Buffer.from('homeward probe');
}
