/** What a second look found of a host behind the backend that did not answer: whether it is there, and how its answers find home. Pure. */

import { familyOf, formatEndpoint } from '@homeward/shared/net/address';
import { formatPortRange } from '@homeward/shared/net/port';
import type { Visit } from '@homeward/shared/protocol/messages';
import type { LanSample, LanTarget } from './samples.js';
import type { ProbeResult, Remedy } from './verdict.js';

/** A routing table of that host and the priorities of its policy rules: none that a program is known to take. */
const TABLE = 77;
const PRIORITIES = { near: 76, home: 77 } as const;

type Found = Pick<ProbeResult, 'cause' | 'hint' | 'remedy'>;

/** The red result of a probe that was handed on to the host and not answered, by what the host says to the backend itself. */
export function withVisit(result: ProbeResult, visit: Visit, sample: LanSample): ProbeResult {
  return result.cause === 'no-reply' ? { ...result, ...findingOf(visit, sample) } : result;
}

function findingOf(visit: Visit, { lan, transport, targetPort }: LanSample): Found {
  const { host } = lan;
  const service = formatEndpoint(host, targetPort);
  const told = (cause: string, hint: string): Found => ({ cause, hint, remedy: null });
  const awry = (cause: string, hint: string): Found => ({
    cause,
    hint: `${hint} (${alternative(visit, host)})`,
    remedy: visit.router === null ? remedyAt(visit, lan) : null,
  });
  switch (visit.outcome) {
    case 'absent':
      return told('host-absent', `${absence(visit, host)}: it is switched off, or has another address`);
    case 'answered':
      return awry(
        'no-way-back',
        `it arrived at ${service}, which answers the backend itself, but no answer to the client came back through the backend: the gateway of ${host} is probably another machine, or its firewall lets in its own network only`,
      );
    case 'refused':
      // An ICMP error has no port of its own, by which its way could be told from other packets'.
      if (transport === 'udp') {
        return awry(
          'no-way-back',
          `nothing listens on ${service}, as ${host} tells the backend, but what it told the client did not come back through the backend: the gateway of ${host} is probably another machine; the way is proven once a service answers`,
        );
      }
      return awry(
        'no-way-back',
        `it arrived at ${host}, which tells the backend that nothing listens on ${service}, but told the client nothing through the backend: the gateway of ${host} is probably another machine`,
      );
    case 'silent':
      if (transport === 'tcp') {
        return told(
          'host-silent',
          `${service} does not answer the backend itself either: a firewall of ${host} drops it, or ${host} went off just now`,
        );
      }
      return awry(
        'no-reply',
        `it arrived at ${service}, which answers neither the client nor the backend itself: the service may be silent to what it does not know, a firewall of ${host} may drop it, or the gateway of ${host} may be another machine`,
      );
  }
}

function absence({ router }: Visit, host: string): string {
  return router === null
    ? `nobody has the address ${host} on the backend's network`
    : `${host} cannot be reached from the backend, by way of ${router}`;
}

function alternative({ router, source }: Visit, host: string): string {
  const itself = `run homeward's agent on ${host} itself`;
  return router === null
    ? `let ${host} send its answers to the backend, or ${itself}`
    : `let the machines on the way, first ${router}, send its answers to ${source}, or ${itself}`;
}

/** For Linux: what the forwarded ports answer goes to the backend, all else as before, as does what is for its own network. */
function remedyAt({ transport, source }: Visit, { host, ports }: LanTarget): Remedy {
  const ip = familyOf(host) === 'ipv6' ? 'ip -6' : 'ip';
  // By the port and not the address it comes from: a UDP service on the wildcard has none yet when its way is looked up.
  const answers = `ipproto ${transport} sport ${formatPortRange(ports)}`;
  return {
    at: host,
    commands: [
      `${ip} route add default via ${source} src ${host} table ${TABLE}`,
      `${ip} rule add pref ${PRIORITIES.near} ${answers} lookup main suppress_prefixlength 0`,
      `${ip} rule add pref ${PRIORITIES.home} ${answers} lookup ${TABLE}`,
    ],
  };
}
