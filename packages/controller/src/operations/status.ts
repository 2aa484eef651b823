/** The status document of the product's contract. */

import type { CountedElement } from '@homeward/shared/kernel/nft-parse';
import { RELAY_LINK } from '@homeward/shared/net/allocation';
import { parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { fingerprint } from '@homeward/shared/session/keys';
import type { KernelFigures } from '../daemon/figures.js';
import { backendTunnelAddress, pairingNamed, relayTunnelAddress } from '../store/pairings.js';
import type { Pairing, RelayState } from '../store/state.js';
import type { Relay } from './relay.js';

/** All backends, or one; throws `not-found` for an unknown name. */
export async function status(relay: Relay, name: string | null): Promise<Record<string, unknown>> {
  const state = relay.store.state();
  const chosen = name === null ? state.pairings : [pairingNamed(state, name)];
  const figures = await relay.machine.figures();
  const endpoints = relay.machine.endpoints();
  return {
    relay: { endpoints, publicKey: state.identity.publicKey, version: relay.version, repair: relay.repair },
    backends: chosen.map((pairing) =>
      backendStatus(
        state,
        pairing,
        relay.backends.isOnline(pairing.name),
        relay.backends.failure(pairing.name),
        figures,
        relay.now().getTime(),
      ),
    ),
  };
}

/** One backend of the status document. */
function backendStatus(
  state: RelayState,
  pairing: Pairing,
  online: boolean,
  failure: string | null,
  figures: KernelFigures,
  nowMs: number,
): Record<string, unknown> {
  const address = backendTunnelAddress(state, pairing);
  const peer = figures.wireguard?.peers.find((candidate) => candidate.publicKey === pairing.wireguardPublicKey);
  const handshake = peer === undefined || peer.latestHandshake === 0 ? null : peer.latestHandshake;
  return {
    name: pairing.name,
    state: pairing.agentKey === null ? 'waiting' : online ? 'online' : 'offline',
    fingerprint: pairing.agentKey === null ? null : fingerprint(pairing.agentKey),
    tunnel:
      pairing.wireguardPublicKey === null
        ? null
        : {
            kind: 'wireguard',
            implementation: figures.implementation,
            device: RELAY_LINK,
            relayAddress: relayTunnelAddress(state),
            backendAddress: address,
            relayAddress6: null,
            backendAddress6: null,
            mtu: figures.mtu,
            lastHandshakeSeconds: handshake === null ? null : Math.max(0, Math.round(nowMs / 1000) - handshake),
          },
    forwards: pairing.forwards.map((spec) => forwardStatus(spec, pairing, address, failure, figures)),
    proof: pairing.proof,
  };
}

function forwardStatus(
  spec: string,
  pairing: Pairing,
  address: string,
  failure: string | null,
  figures: KernelFigures,
): Record<string, unknown> {
  const refusal = pairing.applied?.refused.find((refused) => refused.spec === spec);
  const applied = pairing.applied?.revision === pairing.revision;
  const reason = refusal?.reason ?? failure;
  const keys = new Set(portMappings(parseForward(spec)).map((m) => `${address} . ${m.transport} . ${m.targetPort}`));
  const sum = (elements: readonly CountedElement[]) =>
    elements.reduce((bytes, element) => (keys.has(element.key) ? bytes + element.bytes : bytes), 0);
  return {
    spec,
    state: reason !== null ? 'failed' : applied ? 'active' : 'pending',
    reason,
    bytesIn: sum(figures.bytesIn),
    bytesOut: sum(figures.bytesOut),
  };
}
