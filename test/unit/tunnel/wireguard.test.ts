/** WireGuard's resources at both ends, for the families a machine speaks and an endpoint of either. */

import type { RelayPeer } from '@homeward/shared/tunnel/tunnel-kind';
import { wireguardTunnel } from '@homeward/shared/tunnel/wireguard';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { backendEnd, lines, peerOf, RELAY } from './ends.js';

const peer = (index: number, wireguardPublicKey: string | null): RelayPeer<'wireguard'> => ({
  ...peerOf<'wireguard'>(index, { kind: 'wireguard' }),
  wireguardPublicKey,
});

describe('tunnel/wireguard', () => {
  it('has at the relay one device, a peer for each backend that came, and an address of each family', () => {
    expect(
      lines(wireguardTunnel.relayResources(RELAY, [peer(1, 'HOME'), peer(2, null), peer(3, 'NAS')])),
    ).to.deep.equal([
      'link hw0 wireguard mtu 1420 up',
      'wireguard hw0 key RELAY port 51820; peer HOME allowed 10.77.16.2/32,fd77:16::2/128; peer NAS allowed 10.77.16.4/32,fd77:16::4/128',
      'address 10.77.16.1/20 dev hw0',
      'address fd77:16::1/64 dev hw0',
      'sysctl net/ipv4/conf/all/send_redirects 0',
    ]);
  });

  it('has no address of a family that the relay does not speak', () => {
    const addresses = lines(wireguardTunnel.relayResources({ ...RELAY, families: ['ipv4'] }, [])).slice(2);
    expect(addresses).to.deep.equal(['address 10.77.16.1/20 dev hw0', 'sysctl net/ipv4/conf/all/send_redirects 0']);
  });

  it('calls a relay at an address of either family, or at a name', () => {
    const offer = wireguardTunnel.offer(RELAY, peer(1, 'HOME'));
    if (offer === null) throw new Error('nothing is offered');
    const device = (endpointHost: string) =>
      lines(wireguardTunnel.backendResources(offer, backendEnd(1, endpointHost)));
    const line = (endpoint: string) =>
      `wireguard hw1 key HOME; peer RELAY allowed 0.0.0.0/0,::/0 endpoint ${endpoint} keepalive 25`;
    expect(device('198.51.100.1')).to.deep.equal([
      'link hw1 wireguard mtu 1420 up',
      line('198.51.100.1:51820'),
      'sysctl net/ipv4/conf/all/send_redirects 0',
    ]);
    expect(device('2001:db8::1')[1]).to.equal(line('[2001:db8::1]:51820'));
    expect(device('relay.example')[1]).to.equal(line('relay.example:51820'));
  });

  it('leaves room for its own headers, and for IPv6 inside', () => {
    const inside = (uplinkMtu: number) => wireguardTunnel.mtu({ ...RELAY, uplinkMtu }, peer(1, 'HOME'));
    expect([1500, 1492, 9000, 1400, 1300].map(inside)).to.deep.equal([1420, 1412, 1420, 1320, 1280]);
  });
});
