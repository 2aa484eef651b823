/** Judges one probe from what the synthetic client and the backend's kernel saw. Pure: green only for what was seen. */

import type { Drop } from '@homeward/shared/kernel/trace-parse';
import { type AddressPair, type Family, formatEndpoint } from '@homeward/shared/net/address';
import type { Observed, ObservedFlow } from '@homeward/shared/protocol/messages';
import type { ProbeReply } from './job.js';
import type { Sample } from './samples.js';

/** Where a probe, or the reply to it, was dropped. */
export interface DropSite extends Omit<Drop, 'clientPort'> {
  readonly at: 'relay' | 'backend';
}

export interface ProbeResult {
  readonly backend: string;
  readonly forward: string;
  readonly proto: 'tcp' | 'udp';
  readonly port: number;
  readonly family: Family;
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
  /** The rule that dropped a red probe, where a trace found it. */
  readonly droppedBy: DropSite | null;
  /** What to type at another machine, where that mends it. */
  readonly remedy: Remedy | null;
}

/** Commands for a shell of a machine that homeward does not run on. */
export interface Remedy {
  /** The machine's address. */
  readonly at: string;
  readonly commands: readonly string[];
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
  readonly relayTunnelAddresses: AddressPair;
  readonly observed: Pick<Observed, 'flows' | 'drift' | 'listeners'>;
  /** Why the backend did not tell what it saw, or null. */
  readonly silence: string | null;
  /** Our own state that is missing at the relay, as plan lines. */
  readonly relayDrift: readonly string[];
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
  const isSilentUdp = sample.transport === 'udp' && reply.service === 'silent' && sample.lan === null;
  // A reply that was seen to leave and did not come is lost, whatever the echo says.
  const provenByEcho = isSilentUdp && flow?.leftOn == null && echo?.ok === true;
  const replied = reply.service !== 'silent' || provenByEcho;
  const leftOn = flow?.leftOn ?? (provenByEcho ? echo.leftOn : null);
  const finding = findFault(sighting, view, flow, leftOn, replied);
  return {
    backend: view.name,
    forward: sample.forward ?? `echo/${sample.transport}`,
    proto: sample.transport,
    port: sample.publicPort,
    family: sample.family,
    client: formatEndpoint(client.address, client.port),
    seen: flow === null ? null : formatEndpoint(flow.address, flow.port),
    arrivedOn: flow?.arrivedOn ?? null,
    leftOn,
    replied,
    service: reply.service,
    rttMs: reply.rttMs,
    ok: finding === null,
    cause: finding?.cause ?? null,
    // A way that is sound and a service that no client can reach: both are told.
    hint: finding?.hint ?? problemOf(sighting, view),
    droppedBy: null,
    remedy: null,
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
    flow.port === client.port ||
    (flow.address === view.relayTunnelAddresses[sample.family] && !view.clientPorts.has(flow.port));
  for (const isDelivered of [true, false]) {
    const candidates = flows.filter((flow) => (flow.delivery !== 'none') === isDelivered);
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
  const problem = problemOf({ sample, client, reply }, view);
  if (view.silence !== null) return { cause: 'no-observer', hint: view.silence };
  const listener = listenerOf(sample, view);
  if (flow === null) return notArrived(observed, problem);
  if (flow.address !== client.address || flow.port !== client.port) {
    return rewritten(
      formatEndpoint(flow.address, flow.port),
      formatEndpoint(client.address, client.port),
      flow.address === view.relayTunnelAddresses[sample.family],
    );
  }
  if (flow.delivery === 'none') {
    return {
      cause: 'dropped',
      hint: `it came out of the tunnel by ${flow.arrivedOn}, but the backend dropped it before the service: a firewall, or strict rp_filter${driftText(observed)}`,
    };
  }
  // Docker's own DNAT leads past its proxy, which listens all the same.
  if (flow.delivery === 'local' && listener !== undefined && PROXIES.has(listener.program)) {
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
  if (!replied) return notReplied(reply, leftOn, observed, problem);
  if (leftOn === null) return { cause: 'no-departure', hint: `a reply came, but none was seen to leave by ${device}` };
  if (observed.drift.length > 0) {
    return { cause: 'drift', hint: `the backend lacks homeward's own state:${driftText(observed)}` };
  }
  if (view.relayDrift.length > 0) {
    return {
      cause: 'relay-drift',
      hint: `the relay lacks homeward's own state: ${view.relayDrift.slice(0, 3).join('; ')}`,
    };
  }
  return null;
}

/** Why no client can reach a service that listens, however sound the way to it; null where one can. */
function problemOf({ sample }: Sighting, view: BackendView): string | null {
  return sample.lan === null ? (listenerOf(sample, view)?.problem[sample.family] ?? null) : null;
}

function listenerOf(sample: Sample, { observed }: BackendView): Observed['listeners'][number] | undefined {
  return observed.listeners.find(
    ({ transport, port }) => transport === sample.transport && port === sample.arrivalPort,
  );
}

/** Programs whose purpose is to stand between a port and a container: they hide the client from it. */
const PROXIES = new Set(['docker-proxy', 'rootlessport', 'rootlesskit', 'slirp4netns', 'pasta']);

function notArrived(observed: BackendView['observed'], problem: string | null): Finding {
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

function notReplied(
  reply: ProbeReply,
  leftOn: string | null,
  observed: BackendView['observed'],
  problem: string | null,
): Finding {
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

function driftText(observed: BackendView['observed']): string {
  return observed.drift.length === 0 ? '' : ` (${observed.drift.slice(0, 3).join('; ')})`;
}
