/** A device that somebody else made: nothing of it is ours, and only its addresses are offered. */

import { parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseControllerMessage } from '@homeward/shared/protocol/messages';
import { externalTunnel } from '@homeward/shared/tunnel/external';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { backendEnd, peerOf, RELAY } from './ends.js';

const TUN = peerOf<'external'>(1, { kind: 'external', device: 'tun0' });
const with4 = { ...RELAY, devices: { tun0: { ipv4: parseIpv4('10.8.0.1'), ipv6: null, mtu: 1400 } } };
const both = { ...RELAY, devices: { tun0: { ...with4.devices.tun0, ipv6: parseIpv6('fd00:8::1') } } };

describe('tunnel/external', () => {
  it('makes nothing at either end', () => {
    expect(externalTunnel.relayResources(both, [TUN])).to.deep.equal([]);
    const offer = externalTunnel.offer(both, TUN);
    if (offer === null) throw new Error('nothing is offered');
    expect(externalTunnel.backendResources(offer, backendEnd(1, '198.51.100.1'))).to.deep.equal([]);
  });

  it("offers the addresses of the relay's device and no name of any, in a form the wire takes", () => {
    for (const [relay, relayAddress6] of [
      [with4, null],
      [both, 'fd00:8::1'],
    ] as const) {
      const tunnel = externalTunnel.offer(relay, TUN);
      expect(tunnel).to.deep.equal({ kind: 'external', relayAddress: '10.8.0.1', relayAddress6 });
      const offer = { type: 'offer', revision: 1, tunnel, forwards: [] };
      expect(parseControllerMessage(offer)).to.deep.equal(offer);
    }
  });

  it("has the device's own MTU and name, and offers nothing while it is away", () => {
    expect(externalTunnel.mtu(both, TUN)).to.equal(1400);
    expect(externalTunnel.relayLink(TUN)).to.equal('tun0');
    expect([externalTunnel.mtu(RELAY, TUN), externalTunnel.offer(RELAY, TUN)]).to.deep.equal([null, null]);
  });
});
