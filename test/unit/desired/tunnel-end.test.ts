/** A backend's end of a tunnel: our own link, or a device that its owner named, with who else is met there. */

import { tunnelEnd } from '@homeward/agent/desired/tunnel-end';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { formatPrefix } from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';
import { externalOffer, greOffer, offer } from '../store/backend-states.js';

const LINKS = { lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24', 'fd00:1::2/64'] };
const TUN = { ...LINKS, tun0: ['fe80::2/64', '10.8.0.2/24', 'fd00:8::2/64'] };
const ROUTES = ['default eth0', '192.168.1.0/24 eth0', '10.8.0.0/24 tun0', 'fd00:8::/64 tun0'];

/** A point-to-point device, unless it is one that several share. */
function machine(
  routes: readonly string[] = ROUTES,
  links: Readonly<Record<string, string[]>> = TUN,
  p2p = true,
): Snapshot {
  const snapshot = snapshotOf(links, routes);
  return {
    ...snapshot,
    links: snapshot.links.map((link) => (link.name === 'tun0' ? { ...link, pointToPoint: p2p } : link)),
  };
}
const relay = (gateway: string | null = null) => ({ slot: 3, device: { name: 'tun0', gateway } });
const BOTH = externalOffer('10.8.0.1', 'fd00:8::1').tunnel;
const endOf = (snapshot: Snapshot, tunnel = BOTH, gateway: string | null = null) =>
  tunnelEnd(relay(gateway), tunnel, snapshot);
const neighbours = (snapshot: Snapshot) => endOf(snapshot)?.shared?.neighbours.map(formatPrefix);
const NOBODY = ['0.0.0.0/32', '::/128'];

describe('desired/tunnel-end', () => {
  it('is for tunnels of ours the link of the slot, with the addresses that the relay gave', () => {
    for (const { tunnel } of [offer('10.77.16.2'), greOffer('10.77.16.2')]) {
      expect(tunnelEnd({ slot: 3, device: null }, tunnel, machine())).to.deep.equal({
        ...{ link: 'hw3', shared: null },
        addresses: { ipv4: '10.77.16.2', ipv6: 'fd77:16::2' },
      });
      expect(tunnelEnd(relay(), tunnel, machine())?.link).to.equal('hw3');
    }
  });

  it("is for an external one the owner's device, with the addresses it has", () => {
    const end = endOf(machine());
    expect([end?.link, end?.addresses]).to.deep.equal(['tun0', { ipv4: '10.8.0.2', ipv6: 'fd00:8::2' }]);
    expect(end?.shared?.gateways).to.deep.equal({});
  });

  it('carries the families that both devices have', () => {
    const families = (tunnel: typeof BOTH, snapshot = machine()) =>
      Object.keys(endOf(snapshot, tunnel)?.addresses ?? {});
    expect(families(externalOffer('10.8.0.1', null).tunnel)).to.deep.equal(['ipv4']);
    expect(families(externalOffer(null, 'fd00:8::1').tunnel)).to.deep.equal(['ipv6']);
    const fourOnly = machine(ROUTES, { ...LINKS, tun0: ['10.8.0.2/24', 'fe80::2/64'] });
    expect(families(BOTH, fourOnly)).to.deep.equal(['ipv4']);
    expect(families(externalOffer(null, 'fd00:8::1').tunnel, fourOnly)).to.deep.equal([]);
  });

  it('goes by the relay where several machines share the device, or by who the owner says', () => {
    const gateways = (gateway: string | null, tunnel = BOTH) =>
      endOf(machine(ROUTES, TUN, false), tunnel, gateway)?.shared?.gateways;
    expect(gateways(null)).to.deep.equal({ ipv4: '10.8.0.1', ipv6: 'fd00:8::1' });
    expect(gateways('10.8.0.254')).to.deep.equal({ ipv4: '10.8.0.254', ipv6: 'fd00:8::1' });
    expect(gateways('fd00:8::fe')).to.deep.equal({ ipv4: '10.8.0.1', ipv6: 'fd00:8::fe' });
    expect(gateways(null, externalOffer('10.8.0.1', null).tunnel)).to.deep.equal({ ipv4: '10.8.0.1' });
    expect(endOf(machine(), BOTH, '10.8.0.254')?.shared?.gateways).to.deep.equal({});
  });

  it('meets the networks of the device and what is routed by it, and who asks for an address there', () => {
    const own = [...NOBODY, 'fe80::/64', '10.8.0.0/24', 'fd00:8::/64'];
    expect([neighbours(machine([])), neighbours(machine())]).to.deep.equal([own, own]);
    const routed = machine(['10.20.0.0/16 tun0', '10.30.0.1 tun0', 'fd66::/48 tun0', '10.40.0.0/16 eth0']);
    expect(neighbours(routed)).to.deep.equal([...[...own, '10.20.0.0/16', '10.30.0.1/32', 'fd66::/48']]);
  });

  it('takes nobody for a neighbour whom only a default route leads to, whole or in pieces: clients are there', () => {
    const pieces = ['default tun0', 'default6 tun0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '0.0.0.0/5 tun0'];
    const six = ['::/3 tun0', '2000::/3 tun0', '2000::/4 tun0', '3000::/4 tun0', 'fc00::/7 tun0', '8000::/1 tun0'];
    expect(neighbours(machine([...ROUTES, ...pieces, ...six]))).to.deep.equal(neighbours(machine()));
  });

  it("does not go by other tables' routes, nor by those that lead nowhere", () => {
    const [found] = machine(['10.20.0.0/16 tun0']).routes;
    if (found === undefined) throw new Error('there is no route');
    const routes = [
      { ...found, table: '51820' },
      { ...found, type: 'unreachable' },
    ];
    expect(neighbours({ ...machine([]), routes })).to.not.include('10.20.0.0/16');
  });

  it('is none while the device is away or down, or none was named', () => {
    const down = machine();
    const isDown = { ...down, links: down.links.map((link) => ({ ...link, up: link.name !== 'tun0' })) };
    expect([endOf(isDown), endOf(machine(ROUTES, LINKS))]).to.deep.equal([null, null]);
    expect(tunnelEnd({ slot: 3, device: null }, BOTH, machine())).to.equal(null);
  });
});
