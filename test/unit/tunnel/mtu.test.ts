/** What fits into a packet of each tunnel, in octets. */

import { greMtu, wireguardMtu } from '@homeward/shared/tunnel/mtu';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const gre = (outer: 'ipv4' | 'ipv6', udp: boolean, key: number | null, uplinkMtu = 1500) =>
  greMtu(uplinkMtu, outer, { udp, key });

describe('tunnel/mtu', () => {
  it('leaves room for WireGuard over IPv6: 40 + 8 + 32', () => {
    expect([1500, 1492, 9000, 1400, 1300].map(wireguardMtu)).to.deep.equal([1420, 1412, 1420, 1320, 1280]);
  });

  it("leaves room for GRE: the outer header, 4 octets, 4 for a key, UDP's 8", () => {
    expect([gre('ipv4', false, null), gre('ipv4', false, 0), gre('ipv4', true, 1)]).to.deep.equal([1476, 1472, 1464]);
    expect([gre('ipv6', false, null), gre('ipv6', false, 1)]).to.deep.equal([1456, 1452]);
    expect([gre('ipv4', true, null), gre('ipv4', true, 1, 1492)]).to.deep.equal([1468, 1456]);
  });

  it('is never too small for IPv6, nor made for larger frames than the internet has', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), fc.boolean(), fc.option(fc.nat()), (uplink, udp, key) => {
        for (const inside of [wireguardMtu(uplink), gre('ipv4', udp, key, uplink), gre('ipv6', udp, key, uplink)]) {
          expect(inside).to.be.within(1280, 1476);
        }
      }),
    );
  });
});
