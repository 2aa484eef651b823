/** Tunnels of several kinds beside each other at one relay. */

import { parseIpv4 } from '@homeward/shared/net/address';
import { relayLinkOf, relayTunnels, tunnelMtuOf, tunnelOfferOf } from '@homeward/shared/tunnel/kinds';
import type { RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import { greType, type TunnelKindName, tunnelSpec, tunnelText } from '@homeward/shared/tunnel/tunnel-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { lines, outerEnds, peerOf, RELAY } from './ends.js';

const OUTER = outerEnds('198.51.100.1', '203.0.113.9', 40_000);
const wireguard = peerOf<TunnelKindName>(1, { kind: 'wireguard' });
const gre = peerOf<TunnelKindName>(2, { kind: 'gre', udp: false, key: null }, OUTER);
const greInUdp = peerOf<TunnelKindName>(3, { kind: 'gre', udp: true, key: 1 }, OUTER);
const external = peerOf<TunnelKindName>(4, { kind: 'external', device: 'tun0' });

/** The links that stand at the relay for these backends. */
const links = (...peers: readonly RelayPeer[]) =>
  relayTunnels(RELAY, peers).flatMap((one) => (one.kind === 'link' ? [one.name] : []));

describe('tunnel/kinds', () => {
  it("has WireGuard's device for backends that use it, and where none is paired yet", () => {
    expect(links()).to.deep.equal(['hw0']);
    expect(links(wireguard)).to.deep.equal(['hw0']);
    expect(links(wireguard, gre, greInUdp, external)).to.deep.equal(['hw0', 'hwg2', 'hwg3']);
  });

  it('has none where all use something else', () => {
    expect(links(gre)).to.deep.equal(['hwg2']);
    expect(links(external)).to.deep.equal([]);
    expect(links(greInUdp, external)).to.deep.equal(['hwg3']);
  });

  it("keeps it beside the tunnel of a backend that may go back to it, its addresses not led by the other's route", () => {
    const fallback: RelayPeer = { ...wireguard, index: gre.index, addresses: gre.addresses };
    const found = lines(relayTunnels(RELAY, [gre, fallback]));
    expect(found).to.include.members([
      'wireguard hw0 key RELAY port 51820; peer WG-1 allowed 10.77.16.3/32,fd77:16::3/128',
      'address 10.77.16.1/20 dev hw0',
      'address 10.77.16.1/32 dev hwg2',
      'route 10.77.16.3 table 254 dev hwg2',
    ]);
  });

  it("asks each peer's own kind for link, MTU and offer", () => {
    const relay = { ...RELAY, devices: { tun0: { ipv4: parseIpv4('10.8.0.1'), ipv6: null, mtu: 1400 } } };
    const peers = [wireguard, gre, greInUdp, external];
    expect(peers.map(relayLinkOf)).to.deep.equal(['hw0', 'hwg2', 'hwg3', 'tun0']);
    expect(peers.map((peer) => tunnelMtuOf(relay, peer))).to.deep.equal([1420, 1476, 1464, 1400]);
    expect(peers.map((peer) => tunnelOfferOf(relay, peer)?.kind)).to.deep.equal([
      'wireguard',
      'gre',
      'gre',
      'external',
    ]);
  });

  it('is called as people call it', () => {
    const specs = [wireguard.spec, gre.spec, greInUdp.spec, external.spec];
    expect(specs.map(tunnelText)).to.deep.equal(['wireguard', 'gre', 'gre in UDP', 'external (tun0)']);
    expect(['203.0.113.9', '2001:db8::1'].map(greType)).to.deep.equal(['gre', 'ip6gre']);
  });

  it('is stored only with what belongs to it', () => {
    for (const spec of [wireguard.spec, gre.spec, greInUdp.spec, external.spec]) {
      expect(tunnelSpec.parse(spec)).to.deep.equal(spec);
    }
    for (const wrong of [
      'wireguard',
      { kind: 'openvpn' },
      { kind: 'wireguard', key: 1 },
      { kind: 'gre', udp: false },
      { kind: 'gre', udp: false, key: -1 },
      { kind: 'gre', udp: true, key: 2 ** 32 },
      { kind: 'external', device: 'tun0;reboot' },
      { kind: 'external', device: '%d' },
    ]) {
      expect(tunnelSpec.safeParse(wrong).success, JSON.stringify(wrong)).to.equal(false);
    }
  });
});
