/** Why a backend cannot have the tunnel that was asked for, as far as its session and this machine tell. Pure. */

import { familyOf, isIp } from '@homeward/shared/net/address';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import type { TunnelFacts } from '../desired/pairing-tunnel.js';
import type { AgentSession } from '../server/agent-session.js';

/** What stands in the way, and what to do. */
export interface TunnelProblem {
  readonly reason: string;
  readonly hint: string;
}

/** Null where nothing is known to stand in the way. */
export function tunnelProblem(
  name: string,
  spec: TunnelSpec,
  session: Pick<AgentSession, 'hello' | 'remoteAddress'>,
  facts: TunnelFacts,
): TunnelProblem | null {
  if (!session.hello.capabilities.includes(capabilityFor(spec))) {
    return {
      reason: `backend "${name}" runs version ${session.hello.version}, which knows no such tunnel`,
      hint: 'update homeward there',
    };
  }
  switch (spec.kind) {
    case 'wireguard':
      return null;
    case 'gre':
      return spec.udp ? greInUdpProblem(name, session) : greProblem(name, session);
    case 'external':
      return facts.devices[spec.device] !== undefined
        ? null
        : { reason: `this relay has no device ${spec.device} that is up`, hint: 'see what there is: ip link' };
  }
}

function capabilityFor(spec: TunnelSpec): string {
  return spec.kind === 'gre' && spec.udp ? 'gre-udp' : spec.kind;
}

/** GRE has no ports: a NAT between the two does not know whom a packet is for. */
function greProblem(
  name: string,
  { hello, remoteAddress }: Pick<AgentSession, 'hello' | 'remoteAddress'>,
): TunnelProblem | null {
  if (hello.outerAddress === remoteAddress) return null;
  return {
    reason: `backend "${name}" is behind NAT: it calls from ${hello.outerAddress ?? 'an unknown address'} and arrives as ${remoteAddress}; GRE does not pass there`,
    hint: `GRE in UDP does: controller pair ${name} --tunnel gre --udp; so does WireGuard, which also encrypts`,
  };
}

function greInUdpProblem(name: string, { remoteAddress }: Pick<AgentSession, 'remoteAddress'>): TunnelProblem | null {
  if (!isIp(remoteAddress) || familyOf(remoteAddress) === 'ipv4') return null;
  return {
    reason: `backend "${name}" calls by IPv6, and GRE in UDP goes over IPv4 only`,
    hint: `IPv6 has no NAT, so plain GRE does: controller pair ${name} --tunnel gre`,
  };
}
