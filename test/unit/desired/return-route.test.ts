/** The way home of one slot: through a link of ours, through an owner's device, by the next machine on one that several share. */

import { type ReturnWay, returnRoute } from '@homeward/agent/desired/return-route';
import { rulePlaces } from '@homeward/agent/desired/rule-places';
import { FAMILIES, type Family, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { lines } from '../tunnel/ends.js';

const ADDRESSES = { ipv4: parseIpv4('10.8.0.2'), ipv6: parseIpv6('fd00:8::2') };
const way = (more: Partial<ReturnWay> = {}): ReturnWay => ({
  ...{ slot: 1, link: parseLinkName('tun0'), tunnelAddresses: ADDRESSES, shared: { gateways: {} } },
  ...more,
});
const route = (more: Partial<ReturnWay> = {}, families: readonly Family[] = FAMILIES) =>
  lines(returnRoute(way(more), families, rulePlaces([], [])));

describe('desired/return-route', () => {
  it("has rules, a route and sysctls on an owner's device, and gives it no address", () => {
    const rules = (word: string, own: string) => [
      `rule ${word}pref 4001 iif tun0 goto 5100`,
      `rule ${word}pref 4301 fwmark 0x1000000/0xff000000 lookup 7701`,
      `rule ${word}pref 4561 from ${own} lookup main suppress_prefixlength 0`,
      `rule ${word}pref 4821 from ${own} lookup 7701`,
    ];
    expect(route()).to.deep.equal([
      'route default table 7701 dev tun0',
      ...rules('', '10.8.0.2'),
      'route -6 default table 7701 dev tun0',
      ...rules('-6 ', 'fd00:8::2'),
      'sysctl net/ipv4/conf/tun0/rp_filter 2',
      'sysctl net/ipv4/conf/tun0/src_valid_mark 1',
    ]);
  });

  it('gives a link of ours its addresses', () => {
    const own = route({ shared: null }).filter((line) => line.startsWith('address '));
    expect(own).to.deep.equal(['address 10.8.0.2/32 dev tun0', 'address fd00:8::2/128 dev tun0']);
  });

  it('goes by the next machine in the families that have one', () => {
    const routes = (gateways: NonNullable<ReturnWay['shared']>['gateways']) =>
      route({ shared: { gateways } }).filter((line) => line.startsWith('route '));
    expect(routes({ ipv4: parseIpv4('10.8.0.1'), ipv6: parseIpv6('fd00:8::1') })).to.deep.equal([
      'route default table 7701 via 10.8.0.1 dev tun0',
      'route -6 default table 7701 via fd00:8::1 dev tun0',
    ]);
    expect(routes({ ipv6: parseIpv6('fd00:8::1') })[0]).to.equal('route default table 7701 dev tun0');
  });

  it('has nothing of a family that the tunnel does not carry, or the machine does not speak', () => {
    const four = route({ tunnelAddresses: { ipv4: ADDRESSES.ipv4 } });
    expect(four.filter((line) => line.includes('-6') || line.includes('fd00'))).to.deep.equal([]);
    expect(four).to.deep.equal(route({}, ['ipv4']));
    expect(route({ tunnelAddresses: {} })).to.deep.equal([
      'sysctl net/ipv4/conf/tun0/rp_filter 2',
      'sysctl net/ipv4/conf/tun0/src_valid_mark 1',
    ]);
  });
});
