/** Between which links forwarding stays closed once we switch it on, in each family for itself. */

import {
  FORWARDING,
  forwardingPaths,
  guardedLinks,
  guardRules,
  linkForwarding,
} from '@homeward/shared/kernel/forwarding-guard';
import { FAMILIES } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const present = (values: Readonly<Record<string, string>>) => new Map(Object.entries(values));

describe('kernel/forwarding-guard', () => {
  for (const family of FAMILIES) {
    const machine = FORWARDING[family];
    const own = (link: string) => linkForwarding(family, link);
    const recorded = (before: string, links: readonly string[]) => ({ [machine]: { before, links } });
    const guarded = (
      record: Parameters<typeof guardedLinks>[1],
      values: Readonly<Record<string, string>>,
      links: readonly string[],
    ) => guardedLinks(family, record, present(values), links);

    describe(family, () => {
      it('guards the links there are when forwarding is still off', () => {
        expect(guarded({}, { [machine]: '0' }, ['eth1', 'eth0'])).to.deep.equal(['eth0', 'eth1']);
      });

      it('guards nothing where somebody else had it on, or where the kernel lacks the family', () => {
        expect(guarded({}, { [machine]: '1' }, ['eth0', 'eth1'])).to.deep.equal([]);
        expect(guarded(recorded('1', ['eth0']), { [machine]: '1' }, ['eth0'])).to.deep.equal([]);
        expect(guarded({}, {}, ['eth0', 'eth1'])).to.deep.equal([]);
      });

      it('keeps guarding those of the first write, and no link that came later', () => {
        const links = guarded(recorded('0', ['eth1', 'eth0']), { [machine]: '1' }, ['docker0', 'eth0']);
        expect(links).to.deep.equal(['eth0', 'eth1']);
      });

      it('does not guard a link that forwarded by its own switch, before our write or until it', () => {
        const now = { [machine]: '0', [own('br0')]: '1', [own('eth0')]: '0' };
        expect(guarded({}, now, ['br0', 'eth0'])).to.deep.equal(['eth0']);
        const before = { ...recorded('0', ['br0', 'eth0']), [own('br0')]: { before: '1', links: [] } };
        const after = { [machine]: '1', [own('br0')]: '1', [own('eth0')]: '1' };
        const eth0 = { [own('eth0')]: { before: '0', links: [] } };
        expect(guarded({ ...before, ...eth0 }, after, ['br0', 'eth0'])).to.deep.equal(['eth0']);
      });

      it('asks for the switch of the machine and those of its links', () => {
        expect(forwardingPaths(family, ['eth0'])).to.deep.equal([machine, own('eth0')]);
      });

      it("is not moved by the other family's switches", () => {
        const [other] = FAMILIES.filter((one) => one !== family);
        if (other === undefined) throw new Error('there are two families');
        const values = { [machine]: '0', [FORWARDING[other]]: '1', [linkForwarding(other, 'eth0')]: '1' };
        expect(guarded({}, values, ['eth0'])).to.deep.equal(['eth0']);
        expect(
          guarded({ [FORWARDING[other]]: { before: '0', links: ['eth0'] } }, { [machine]: '1' }, ['eth0']),
        ).to.deep.equal([]);
      });
    });
  }

  it('drops between any two of them, in their family alone', () => {
    expect(guardRules({ ipv4: ['eth0', 'eth1'], ipv6: ['eth0'] })).to.deep.equal([
      'meta nfproto ipv4 iifname { "eth0", "eth1" } oifname { "eth0", "eth1" } drop',
      'meta nfproto ipv6 iifname { "eth0" } oifname { "eth0" } drop',
    ]);
    expect(guardRules({ ipv4: [], ipv6: ['eth0', 'wlan0.7'] })).to.deep.equal([
      'meta nfproto ipv6 iifname { "eth0", "wlan0.7" } oifname { "eth0", "wlan0.7" } drop',
    ]);
    expect(guardRules({ ipv4: [], ipv6: [] })).to.deep.equal([]);
  });
});
