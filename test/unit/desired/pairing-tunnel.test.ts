/** The tunnel of a pairing as the relay sees it: link, addresses, families, MTU. */

import { pairingTunnel, type TunnelFacts, tunnelOffer } from '@homeward/controller/desired/pairing-tunnel';
import type { Pairing } from '@homeward/controller/store/state';
import { FAMILIES, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired, relayState, throughDevice, throughGre } from '../store/relay-states.js';

const TUN = { ipv4: parseIpv4('10.8.0.1'), ipv6: parseIpv6('fd00:8::1'), mtu: 1400 };
const FACTS: TunnelFacts = { uplinkMtu: 1500, families: FAMILIES, devices: { tun0: TUN } };
const seen = (pairing: Pairing, facts = FACTS) => pairingTunnel(relayState([pairing]), pairing, facts);
/** A backend behind tun0 that has these addresses there. */
const behind = (ipv4: string | null, ipv6: string | null) =>
  throughDevice(paired('home', 1, []), 'tun0', { ipv4, ipv6 });

describe('desired/pairing-tunnel', () => {
  it('has for WireGuard the one device, addresses of the pools, and the families the backend speaks', () => {
    const home = paired('home', 1, []);
    const relay = { ipv4: '10.77.16.1', ipv6: 'fd77:16::1' };
    const backend = { ipv4: '10.77.16.2', ipv6: 'fd77:16::2' };
    expect(seen(home)).to.deep.equal({ link: 'hw0', isOurs: true, families: FAMILIES, relay, backend, mtu: 1420 });
    const four = home.applied === null ? null : { ...home.applied, ipv6: false };
    expect(seen({ ...home, applied: four }).families).to.deep.equal(['ipv4']);
    expect(seen({ ...home, applied: null }).families).to.deep.equal(['ipv4']);
    expect(seen(home, { ...FACTS, families: ['ipv4'] }).families).to.deep.equal(['ipv4']);
  });

  it('has for GRE a device for each backend, and the MTU once it is known where the backend is', () => {
    const home = throughGre(paired('home', 7, []));
    expect(seen(home)).to.deep.include({ link: 'hwg7', isOurs: true, families: FAMILIES, mtu: 1476 });
    expect(seen(home).backend).to.deep.equal({ ipv4: '10.77.16.8', ipv6: 'fd77:16::8' });
    expect(seen({ ...home, outer: null }).mtu).to.equal(null);
  });

  it("has for an external one both owners' addresses, in the families that both have", () => {
    expect(seen(behind('10.8.0.2', 'fd00:8::2'))).to.deep.equal({
      ...{ link: 'tun0', isOurs: false, families: FAMILIES, mtu: 1400 },
      relay: { ipv4: '10.8.0.1', ipv6: 'fd00:8::1' },
      backend: { ipv4: '10.8.0.2', ipv6: 'fd00:8::2' },
    });
    expect(seen(behind('10.8.0.2', null)).families).to.deep.equal(['ipv4']);
    expect(seen(behind(null, 'fd00:8::2')).families).to.deep.equal(['ipv6']);
    const fourOnly: TunnelFacts = { ...FACTS, devices: { tun0: { ...TUN, ipv6: null } } };
    expect(seen(behind('10.8.0.2', 'fd00:8::2'), fourOnly).families).to.deep.equal(['ipv4']);
    expect(seen(behind('10.8.0.2', 'fd00:8::2'), { ...FACTS, families: ['ipv6'] }).families).to.deep.equal(['ipv6']);
  });

  it('carries nothing while the device is away, or the backend has not said what it has', () => {
    expect(seen(behind('10.8.0.2', 'fd00:8::2'), { ...FACTS, devices: {} })).to.deep.include({
      families: [],
      mtu: null,
    });
    expect(seen(behind(null, null)).families).to.deep.equal([]);
    expect(seen({ ...behind('10.8.0.2', null), applied: null }).families).to.deep.equal([]);
  });

  it('takes no address from a backend whose tunnel is ours', () => {
    const home = paired('home', 1, []);
    const applied = home.applied === null ? null : { ...home.applied, addresses: { ipv4: '10.8.0.2', ipv6: null } };
    for (const claiming of [{ ...home, applied }, throughGre({ ...home, applied })]) {
      expect(seen(claiming).backend).to.deep.equal({ ipv4: '10.77.16.2', ipv6: 'fd77:16::2' });
    }
  });

  it('offers nothing while it cannot be known', () => {
    const offered = (pairing: Pairing, facts = FACTS) => tunnelOffer(relayState([pairing]), pairing, facts);
    const external = behind('10.8.0.2', null);
    expect(offered(external)).to.deep.equal({ kind: 'external', relayAddress: '10.8.0.1', relayAddress6: 'fd00:8::1' });
    expect(offered(external, { ...FACTS, devices: {} })).to.equal(null);
    const gre = throughGre(paired('home', 1, []));
    expect(offered(gre)).to.include({ kind: 'gre', backendAddress: '10.77.16.2', mtu: 1476 });
    expect(offered({ ...gre, outer: null })).to.equal(null);
  });
});
