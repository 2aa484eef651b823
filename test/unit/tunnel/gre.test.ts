/** GRE's resources at both ends: over IPv4, over IPv6, in UDP through NAT, with and without a key. */

import { parseControllerMessage } from '@homeward/shared/protocol/messages';
import { greTunnel } from '@homeward/shared/tunnel/gre';
import type { OuterEnds } from '@homeward/shared/tunnel/tunnel-kind';
import type { TunnelSpecOf } from '@homeward/shared/tunnel/tunnel-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { backendEnd, lines, outerEnds, peerOf, RELAY } from './ends.js';

const PLAIN: TunnelSpecOf<'gre'> = { kind: 'gre', udp: false, key: null };
const KEYED: TunnelSpecOf<'gre'> = { kind: 'gre', udp: false, key: 4711 };
const IN_UDP: TunnelSpecOf<'gre'> = { kind: 'gre', udp: true, key: 4711 };
const OUTER4 = outerEnds('198.51.100.1', '203.0.113.9');
const OUTER6 = outerEnds('2001:db8::1', '2001:db8:1::9');

const relayLines = (spec: TunnelSpecOf<'gre'>, outer: OuterEnds | null, relay = RELAY) =>
  lines(greTunnel.relayResources(relay, [peerOf(1, spec, outer)]));
/** What the relay offers the backend with index 1. */
function offerOf(spec: TunnelSpecOf<'gre'>, outer: OuterEnds) {
  const offer = greTunnel.offer(RELAY, peerOf(1, spec, outer));
  if (offer === null) throw new Error('nothing is offered');
  return offer;
}
const backendLines = (spec: TunnelSpecOf<'gre'>, outer: OuterEnds, slot = 1) =>
  lines(greTunnel.backendResources(offerOf(spec, outer), backendEnd(slot, outer.local, outer.remote)));

describe('tunnel/gre', () => {
  it('has at the relay a link for each backend, with the addresses of both and the way there', () => {
    expect(relayLines(PLAIN, OUTER4)).to.deep.equal([
      'link hwg1 gre remote 203.0.113.9 local 198.51.100.1 mtu 1476 up',
      'address 10.77.16.1/32 dev hwg1',
      'route 10.77.16.2 table 254 dev hwg1',
      'address fd77:16::1/128 dev hwg1',
      'route -6 fd77:16::2 table 254 dev hwg1',
    ]);
    const two = greTunnel.relayResources(RELAY, [
      peerOf(1, PLAIN, OUTER4),
      peerOf(7, KEYED, outerEnds('198.51.100.1', '203.0.113.7')),
    ]);
    expect(lines(two).filter((line) => line.startsWith('link '))).to.deep.equal([
      'link hwg1 gre remote 203.0.113.9 local 198.51.100.1 mtu 1476 up',
      'link hwg7 gre remote 203.0.113.7 local 198.51.100.1 key 4711 mtu 1472 up',
    ]);
    expect(lines(two)).to.include.members(['route 10.77.16.8 table 254 dev hwg7', 'address 10.77.16.1/32 dev hwg7']);
  });

  it('goes over IPv6 by a device of another type', () => {
    expect(relayLines(KEYED, OUTER6)[0]).to.equal(
      'link hwg1 ip6gre remote 2001:db8:1::9 local 2001:db8::1 key 4711 mtu 1452 up',
    );
    expect(backendLines(KEYED, OUTER6)).to.deep.equal([
      'link hw1 ip6gre remote 2001:db8::1 local 2001:db8:1::9 key 4711 mtu 1452 up',
    ]);
  });

  it('has no address and no route of a family that the relay does not speak', () => {
    expect(relayLines(PLAIN, OUTER4, { ...RELAY, families: ['ipv4'] }).slice(1)).to.deep.equal([
      'address 10.77.16.1/32 dev hwg1',
      'route 10.77.16.2 table 254 dev hwg1',
    ]);
  });

  it('is nothing while it is not known where the backend is', () => {
    expect(relayLines(PLAIN, null)).to.deep.equal([]);
    expect(greTunnel.mtu(RELAY, peerOf(1, PLAIN))).to.equal(null);
    expect(greTunnel.offer(RELAY, peerOf(1, PLAIN))).to.equal(null);
  });

  it('listens for GRE in UDP before the port is known that a backend comes from, and answers to that port', () => {
    const port = 'fou port 7700';
    expect(relayLines(IN_UDP, null)).to.deep.equal([port]);
    expect(relayLines(IN_UDP, OUTER4)).to.deep.equal([port]);
    expect(relayLines(IN_UDP, { ...OUTER4, port: 40_000 })).to.deep.equal([
      port,
      'link hwg1 gre remote 203.0.113.9 local 198.51.100.1 key 4711 encap fou encap-sport 7700 encap-dport 40000 mtu 1464 up',
      'address 10.77.16.1/32 dev hwg1',
      'route 10.77.16.2 table 254 dev hwg1',
      'address fd77:16::1/128 dev hwg1',
      'route -6 fd77:16::2 table 254 dev hwg1',
    ]);
    const both = greTunnel.relayResources(RELAY, [peerOf(1, IN_UDP, OUTER4), peerOf(2, IN_UDP, OUTER4)]);
    expect(lines(both)).to.deep.equal([port]);
  });

  it('has at the backend a port of its own in each slot, and the address that the route says', () => {
    expect(backendLines(PLAIN, OUTER4)).to.deep.equal(['link hw1 gre remote 198.51.100.1 local any mtu 1476 up']);
    expect(backendLines(IN_UDP, OUTER4, 3)).to.deep.equal([
      'fou port 7703',
      'link hw3 gre remote 198.51.100.1 local any key 4711 encap fou encap-sport 7703 encap-dport 7700 mtu 1464 up',
    ]);
  });

  it('is nothing at a backend that dialled a name, whose address GRE would need', () => {
    expect(greTunnel.backendResources(offerOf(PLAIN, OUTER4), backendEnd(1, 'relay.example'))).to.deep.equal([]);
  });

  it('offers what the backend needs, in a form the wire takes', () => {
    expect(offerOf(IN_UDP, OUTER4)).to.deep.equal({
      kind: 'gre',
      relayAddress: '10.77.16.1',
      backendAddress: '10.77.16.2',
      relayAddress6: 'fd77:16::1',
      backendAddress6: 'fd77:16::2',
      key: 4711,
      udpPort: 7700,
      mtu: 1464,
    });
    expect(offerOf(PLAIN, OUTER6)).to.include({ key: null, udpPort: null, mtu: 1456 });
    const anyKey = fc.oneof(
      fc.constant(null),
      fc.constantFrom(0, 0xffff_ffff),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    );
    fc.assert(
      fc.property(anyKey, fc.boolean(), fc.constantFrom(OUTER4, OUTER6), (key, udp, outer) => {
        const offer = { type: 'offer', revision: 1, tunnel: offerOf({ kind: 'gre', udp, key }, outer), forwards: [] };
        expect(parseControllerMessage(JSON.parse(JSON.stringify(offer)))).to.deep.equal(offer);
      }),
    );
  });

  it('speaks at both ends of one device with one key, and of ports that meet', () => {
    const anySpec = fc.record({ udp: fc.boolean(), key: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 })) });
    fc.assert(
      fc.property(anySpec, fc.integer({ min: 1, max: 255 }), ({ udp, key }, slot) => {
        const outer = { ...OUTER4, port: udp ? 40_000 : null };
        const spec = { kind: 'gre', udp, key } as const;
        const [here] = greTunnel.relayResources(RELAY, [peerOf(1, spec, outer)]).filter(({ kind }) => kind === 'link');
        const there = greTunnel
          .backendResources(offerOf(spec, outer), backendEnd(slot, outer.local, outer.remote))
          .at(-1);
        if (here?.kind !== 'link' || here.device.type === 'wireguard') throw new Error('no GRE at the relay');
        if (there?.kind !== 'link' || there.device.type === 'wireguard') throw new Error('no GRE at the backend');
        expect([there.mtu, there.device.type, there.device.key]).to.deep.equal([
          here.mtu,
          here.device.type,
          here.device.key,
        ]);
        expect(there.device.remote).to.equal(here.device.local);
        expect(there.device.udp?.destination).to.equal(here.device.udp?.source);
      }),
    );
  });
});
