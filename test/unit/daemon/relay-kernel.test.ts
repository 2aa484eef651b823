/** Facts the relay's kernel state is made of: what is its own, and what fits into its tunnel. */

import { BACKEND_OWNERSHIP } from '@homeward/agent/daemon/backend-kernel';
import { RELAY_OWNERSHIP, uplinkMtu } from '@homeward/controller/daemon/relay-kernel';
import { wireguardMtu } from '@homeward/shared/tunnel/mtu';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';

/** The tunnel's MTU on a machine whose links have these. */
function mtuWith(mtus: Readonly<Record<string, number>>, routes: readonly string[]): number {
  const links = { eth0: ['198.51.100.1/24'], ppp0: ['198.51.100.9/32', '2001:db8:5::2/64'], hw0: ['10.77.16.1/20'] };
  const machine = snapshotOf(links, routes);
  const listed = machine.links.map((link) => ({ ...link, mtu: mtus[link.name] ?? link.mtu }));
  return wireguardMtu(uplinkMtu({ ...machine, links: listed }));
}

describe('daemon/relay-kernel', () => {
  it('makes room in the tunnel for the narrower of the two uplinks', () => {
    expect(mtuWith({}, ['default eth0', 'default6 ppp0'])).to.equal(1420);
    expect(mtuWith({ ppp0: 1492 }, ['default ppp0', 'default6 ppp0'])).to.equal(1412);
    expect(mtuWith({ ppp0: 1480 }, ['default eth0', 'default6 ppp0'])).to.equal(1400);
    expect(mtuWith({ eth0: 1460 }, ['default eth0', 'default6 ppp0'])).to.equal(1380);
  });

  it('takes the usual MTU where there is no uplink', () => {
    expect(uplinkMtu(snapshotOf({ lo: ['127.0.0.1/8', '::1/128'] }, []))).to.equal(1500);
  });

  it("owns its devices and the probe's link, and nothing of the backend's side", () => {
    const names = ['hw0', 'hwp0', 'hwg1', 'hwg4093', 'hw1', 'hwp1', 'hwg0', 'hwg', 'eth0'];
    expect(names.filter(RELAY_OWNERSHIP.isLink)).to.deep.equal(['hw0', 'hwp0', 'hwg1', 'hwg4093']);
    expect(RELAY_OWNERSHIP.isRoutingTable(7701)).to.equal(false);
    expect([4001, 5100, 5150, 5151, 32_770].filter(RELAY_OWNERSHIP.isRule)).to.deep.equal([5150, 5151]);
    expect([4001, 5100, 5150, 5151, 32_770].filter(BACKEND_OWNERSHIP.isRule)).to.deep.equal([4001, 5100, 32_770]);
  });
});
