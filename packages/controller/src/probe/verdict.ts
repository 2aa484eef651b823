/** Judges one probe from what the synthetic client and the backend's kernel saw. Pure: green only for what was seen. */

import type { Observed, ObservedFlow } from '@homeward/shared/protocol/messages';
import type { ProbeReply } from './job.js';
import type { Sample } from './samples.js';

export interface ProbeResult {
  readonly backend: string;
  readonly forward: string;
  readonly proto: 'tcp' | 'udp';
  readonly port: number;
  readonly family: 'ipv4';
  readonly client: string;
  readonly seen: string | null;
  readonly arrivedOn: string | null;
  readonly leftOn: string | null;
  readonly replied: boolean;
  readonly service: 'answered' | 'refused' | 'silent';
  readonly rttMs: number | null;
  readonly ok: boolean;
  readonly cause: string | null;
  readonly hint: string | null;
}

/** One sample with all that was seen of it. */
export interface Sighting {
  readonly sample: Sample;
  readonly client: { readonly address: string; readonly port: number };
  readonly reply: ProbeReply;
}

export interface BackendView {
  readonly name: string;
  /** The tunnel's device at the backend. */
  readonly device: string;
  readonly relayTunnelAddress: string;
  readonly observed: Observed;
  /** Client ports of all probes of this run: a flow with one of another probe is not this one's. */
  readonly clientPorts: ReadonlySet<number>;
}

interface Finding {
  readonly cause: string;
  readonly hint: string;
}

/** `echo` is the result of the backend's own echo over the same transport, which proves the way home where a UDP service is silent. */
export function judge(sighting: Sighting, view: BackendView, echo: ProbeResult | null): ProbeResult {
  const { sample, client, reply } = sighting;
  const flow = findFlow(sighting, view);
  const isSilentUdp = sample.transport === 'udp' && reply.service === 'silent';
  const provenByEcho = isSilentUdp && echo?.ok === true;
  const replied = reply.service !== 'silent' || provenByEcho;
  const leftOn = flow?.leftOn ?? (provenByEcho ? echo.leftOn : null);
  const finding = findFault(sighting, view, flow, leftOn, replied);
  return {
    backend: view.name,
    forward: sample.forward ?? `echo/${sample.transport}`,
    proto: sample.transport,
    port: sample.publicPort,
    family: 'ipv4',
    client: `${client.address}:${client.port}`,
    seen: flow === null ? null : `${flow.address}:${flow.port}`,
    arrivedOn: flow?.arrivedOn ?? null,
    leftOn,
    replied,
    service: reply.service,
    rttMs: reply.rttMs,
    ok: finding === null,
    cause: finding?.cause ?? null,
    hint: finding?.hint ?? null,
  };
}

/**
 * The flow with the client's own address and port; else the one that must be it with its source rewritten. Delivered
 * flows go first: what counts is what the service saw.
 */
function findFlow({ sample, client }: Sighting, view: BackendView): ObservedFlow | null {
  const flows = view.observed.flows.filter((flow) => flow.transport === sample.transport);
  const isExact = (flow: ObservedFlow) => flow.address === client.address && flow.port === client.port;
  // SNAT keeps the port where it can. A proxy on the relay has its tunnel address; other sources are other clients'.
  const isRewritten = (flow: ObservedFlow) =>
    flow.port === client.port || (flow.address === view.relayTunnelAddress && !view.clientPorts.has(flow.port));
  for (const delivered of [true, false]) {
    const candidates = flows.filter((flow) => flow.delivered === delivered);
    const found = candidates.find(isExact) ?? candidates.find(isRewritten);
    if (found !== undefined) return found;
  }
  return null;
}

function findFault(
  { sample, client, reply }: Sighting,
  view: BackendView,
  flow: ObservedFlow | null,
  leftOn: string | null,
  replied: boolean,
): Finding | null {
  const { observed, device } = view;
  const listener = observed.listeners.find(
    (candidate) => candidate.transport === sample.transport && candidate.port === sample.targetPort,
  );
  if (flow === null) return notArrived(observed, listener?.problem ?? null);
  if (flow.address !== client.address || flow.port !== client.port) {
    return rewritten(
      `${flow.address}:${flow.port}`,
      `${client.address}:${client.port}`,
      flow.address === view.relayTunnelAddress,
    );
  }
  if (!flow.delivered) {
    return {
      cause: 'dropped',
      hint: `it came out of the tunnel by ${flow.arrivedOn}, but the backend dropped it before the service: a firewall, or strict rp_filter${driftText(observed)}`,
    };
  }
  if (listener !== undefined && PROXIES.has(listener.program)) {
    return {
      cause: 'proxied',
      hint: `${listener.program} takes the connection at the backend and opens another one to the service, which sees the proxy's address`,
    };
  }
  if (flow.arrivedOn !== device) {
    return { cause: 'wrong-arrival', hint: `it came in by ${flow.arrivedOn}, not by the tunnel ${device}` };
  }
  if (leftOn !== null && leftOn !== device) {
    return {
      cause: 'wrong-return',
      hint: `the reply left by ${leftOn}, not by the tunnel ${device}${driftText(observed)}`,
    };
  }
  if (!replied) return notReplied(reply, leftOn, observed, listener?.problem ?? null);
  if (leftOn === null) return { cause: 'no-departure', hint: `a reply came, but none was seen to leave by ${device}` };
  if (observed.drift.length > 0)
    return { cause: 'drift', hint: `the backend lacks homeward's own state:${driftText(observed)}` };
  return null;
}

/** Programs whose purpose is to stand between a port and a container: they hide the client from it. */
const PROXIES = new Set(['docker-proxy', 'rootlessport', 'rootlesskit', 'slirp4netns', 'pasta']);

function notArrived(observed: Observed, problem: string | null): Finding {
  return {
    cause: 'not-arrived',
    hint:
      problem ??
      `the backend's kernel saw nothing of it: look at the tunnel's handshake and at rp_filter there${driftText(observed)}`,
  };
}

function rewritten(seen: string, client: string, byRelay: boolean): Finding {
  const where = byRelay ? 'a masquerade or SNAT rule on the relay' : 'a masquerade rule or a proxy in the path';
  return { cause: 'source-rewritten', hint: `the service sees ${seen} instead of ${client}: look for ${where}` };
}

function notReplied(reply: ProbeReply, leftOn: string | null, observed: Observed, problem: string | null): Finding {
  if (leftOn !== null) {
    return {
      cause: 'reply-lost',
      hint: `the reply left by ${leftOn} but did not reach the client${driftText(observed)}`,
    };
  }
  return {
    cause: 'no-reply',
    hint:
      problem ??
      `it arrived, but the service was ${reply.service} and no reply left: a firewall of the backend may drop it${driftText(observed)}`,
  };
}

function driftText(observed: Observed): string {
  return observed.drift.length === 0 ? '' : ` (${observed.drift.slice(0, 3).join('; ')})`;
}
