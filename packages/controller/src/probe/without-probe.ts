/** Results for forwards that could not be probed: not proven, with the reason. Pure. */

import { FAMILIES, type IpAddress } from '@homeward/shared/net/address';
import { type Forward, familiesOf } from '@homeward/shared/net/forward-spec';
import { echoEntryPort } from '../desired/relay-state.js';
import { missingAddress } from '../forwards/entrance.js';
import type { Pairing } from '../store/state.js';
import type { ProbeResult } from './verdict.js';

/** A forward for clients that cannot come in here: of its family, or by the address that it names (`own` are the relay's). */
export function withoutEntrance(pairing: Pairing, forward: Forward, own: readonly IpAddress[]): ProbeResult {
  const missing = missingAddress(forward, own);
  if (missing !== null) return unprobed(pairing, forward, { cause: 'no-entrance', hint: missing });
  const families = familiesOf(forward);
  const isBackend = families.includes('ipv6') && pairing.applied?.ipv6 !== true;
  const names = families.map((family) => (family === 'ipv6' ? 'IPv6' : 'IPv4')).join(' or ');
  return unprobed(pairing, forward, {
    cause: 'no-entrance',
    hint: isBackend
      ? `backend "${pairing.name}" has IPv6 switched off`
      : `this relay has no ${names} address that clients could come in by`,
  });
}

/** All of a backend that is offline, or has not set up its side. A pairing without forwards lacks the proof by its echo. */
export function unprobedForwards(
  pairing: Pairing,
  forwards: readonly Forward[],
  fault: { readonly cause: string; readonly hint: string },
): ProbeResult[] {
  if (forwards.length > 0) return forwards.map((forward) => unprobed(pairing, forward, fault));
  return (['tcp', 'udp'] as const).map((proto) =>
    redResult(pairing, `echo/${proto}`, proto, echoEntryPort(pairing), 'ipv4', fault),
  );
}

function unprobed(pairing: Pairing, forward: Forward, fault: { cause: string; hint: string }): ProbeResult {
  const [proto = 'tcp'] = forward.transports;
  const family = FAMILIES.find((candidate) => familiesOf(forward).includes(candidate)) ?? 'ipv4';
  return redResult(pairing, forward.spec, proto, forward.publicPorts.first, family, fault);
}

function redResult(
  pairing: Pairing,
  forward: string,
  proto: ProbeResult['proto'],
  port: number,
  family: ProbeResult['family'],
  { cause, hint }: { readonly cause: string; readonly hint: string },
): ProbeResult {
  return {
    backend: pairing.name,
    forward,
    proto,
    port,
    family,
    client: '',
    seen: null,
    arrivedOn: null,
    leftOn: null,
    replied: false,
    service: 'silent',
    rttMs: null,
    ok: false,
    cause,
    hint,
    droppedBy: null,
    remedy: null,
  };
}
