/** Differences and plans as readable text: what is done, in which order, for small desired and observed states. */

import { changeText, diff } from '@homeward/shared/reconcile/diff';
import { plan } from '@homeward/shared/reconcile/plan';
import { keyOf, textOf } from '@homeward/shared/state/describe';
import { hostState } from '@homeward/shared/state/host-state';
import type { Resource } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { elementsOf } from '../desired/state-lines.js';
import {
  address,
  address6,
  device,
  element,
  landing,
  link,
  replyRule,
  route,
  stepLines,
  sysctl,
  table,
} from './resources.js';

function planned(desired: readonly Resource[], observed: readonly Resource[]): string[] {
  const wanted = hostState(desired);
  return stepLines(plan(diff(wanted, hostState(observed)), wanted));
}

function differences(desired: readonly Resource[], observed: readonly Resource[]): string[] {
  return diff(hostState(desired), hostState(observed)).map(changeText);
}

const EVERYTHING = [
  landing(),
  replyRule(),
  route(),
  address(),
  sysctl('net/ipv4/conf/hw1/rp_filter', '2'),
  element('tunnels', 'hw1'),
  table('set tunnels { type ifname; }'),
  device('198.51.100.1:51820', null),
  link(),
];

describe('reconcile/diff', () => {
  it('finds nothing between equal states', () => {
    expect(differences(EVERYTHING, EVERYTHING)).to.deep.equal([]);
    expect(planned(EVERYTHING, EVERYTHING)).to.deep.equal([]);
  });

  it('tells what is missing, what is otherwise, and what is too much', () => {
    const desired = [link(), sysctl('net/ipv4/ip_forward', '1'), element('any4', 'tcp . 443', '10.77.16.2 . 443')];
    const observed = [link(1500), sysctl('net/ipv4/ip_forward', '0'), route(), landing()];
    expect(differences(desired, observed)).to.deep.equal([
      '~ link hw1 wireguard mtu 1420 up (is: wireguard mtu 1500 up)',
      '~ sysctl net/ipv4/ip_forward 1 (is: 0)',
      '+ element homeward_backend any4 { tcp . 443 } 10.77.16.2 . 443',
      '- route default table 7701',
      '- rule pref 5100 nop',
    ]);
  });

  it('leaves to the kernel what is not asked for: a free port, where a calling peer is', () => {
    expect(differences([device(null, null)], [device('203.0.113.5:40000', 51_999)])).to.deep.equal([]);
  });

  it('minds the port and the endpoint where they are asked for', () => {
    expect(differences([device('198.51.100.1:51820', null)], [device('203.0.113.5:40000', 51_999)])).to.deep.equal([
      '~ wireguard hw1 key PUBLIC; peer PEER allowed 0.0.0.0/0 endpoint 198.51.100.1:51820 (is: key PUBLIC; peer PEER allowed 0.0.0.0/0 endpoint 203.0.113.5:40000)',
    ]);
    expect(differences([device(null, 51_820)], [device(null, 51_821)])).to.have.lengthOf(1);
  });

  it('tells elements one by one, of a set that came, went or changed', () => {
    const before = [element('any4', 'tcp . 1', 'A'), element('any4', 'tcp . 2', 'A'), element('tunnels', 'hw1')];
    const after = [element('any4', 'tcp . 1', 'A'), element('any4', 'tcp . 2', 'B'), element('any6', 'tcp . 1', 'C')];
    expect(differences(after, before)).to.deep.equal([
      '~ element homeward_backend any4 { tcp . 2 } B (is: A)',
      '+ element homeward_backend any6 { tcp . 1 } C',
      '- element homeward_backend tunnels { hw1 }',
    ]);
  });

  it('knows an element without a value from none', () => {
    expect(differences([element('tunnels', 'hw1')], [element('tunnels', 'hw1')])).to.deep.equal([]);
    expect(differences([element('tunnels', 'hw1')], [])).to.have.lengthOf(1);
    expect(differences([element('x', 'k', '')], [element('x', 'k', null)])).to.have.lengthOf(1);
  });

  it('does not look into elements that are the very same', () => {
    const unread = new Map<string, string | null>();
    unread.get = () => {
      throw new Error('looked up');
    };
    unread.set('tcp . 443', null);
    const same = hostState([{ kind: 'nft-elements', table: 't', set: 's', elements: unread }]);
    expect(diff(same, same)).to.deep.equal([]);
  });

  it('leads from any elements to any others: what it adds, changes and removes, and nothing else', () => {
    const anyElements = fc.array(
      fc
        .tuple(
          fc.constantFrom('any4', 'any6'),
          fc.constantFrom('tcp . 1', 'tcp . 2', 'udp . 1', 'udp . 2'),
          fc.constantFrom(null, 'A', 'B'),
        )
        .map(([set, key, value]) => element(set, key, value)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(anyElements, anyElements, (before, after) => {
        const [observed, desired] = [hostState(before), hostState(after)];
        const found = new Map(elementsOf(observed).map((one) => [keyOf(one), textOf(one)]));
        for (const change of diff(desired, observed)) {
          const old = found.get(change.key);
          expect(old === undefined).to.equal(change.kind === 'create');
          if (change.kind === 'delete') found.delete(change.key);
          else found.set(change.key, textOf(change.desired));
          if (change.kind === 'update') expect(change.desired).to.not.deep.equal(change.observed);
        }
        expect(found).to.deep.equal(new Map(elementsOf(desired).map((one) => [keyOf(one), textOf(one)])));
        expect(diff(desired, desired)).to.deep.equal([]);
      }),
    );
  });

  it('prints no keys', () => {
    expect(differences([device('198.51.100.1:51820', 51_820)], []).join()).to.not.match(/PRIVATE|SHARED/);
  });
});

describe('reconcile/plan', () => {
  it('builds up in order: link and keys, filter, sysctls, then addresses, routes and rules', () => {
    expect(planned(EVERYTHING, [])).to.deep.equal([
      'create-link hw1 wireguard',
      'configure-wireguard hw1',
      'nft',
      '  table inet homeward_backend {}',
      '  delete table inet homeward_backend',
      '  table inet homeward_backend {',
      '  set tunnels { type ifname; }',
      '  }',
      '  add element inet homeward_backend tunnels { "hw1" }',
      'sysctl net/ipv4/conf/hw1/rp_filter = 2',
      'ip',
      '  address replace 10.77.16.2/32 dev hw1',
      '  link set dev hw1 mtu 1420 up',
      '  route replace default dev hw1 table 7701 protocol 177',
      '  rule add pref 5100 nop protocol 177',
      '  rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
    ]);
  });

  it('tears down from the link, so that nothing arrives without its filter, and leaves alone what goes with it', () => {
    expect(planned([], EVERYTHING)).to.deep.equal([
      'delete-link hw1',
      'nft',
      '  delete table inet homeward_backend',
      'ip',
      '  rule del pref 5100 nop protocol 177',
      '  rule del pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
    ]);
  });

  it('does IPv6 as IPv4, in a batch of its own behind it, without waiting for duplicate addresses', () => {
    const both = [
      link(),
      address(),
      address6(),
      route(),
      route('ipv6'),
      replyRule(),
      replyRule('ipv6'),
      landing('ipv6'),
    ];
    expect(planned(both, [link()])).to.deep.equal([
      'ip',
      '  address replace 10.77.16.2/32 dev hw1',
      '  route replace default dev hw1 table 7701 protocol 177',
      '  rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
      'ip -6',
      '  address replace fd77:16::2/128 dev hw1 nodad',
      '  route replace default dev hw1 table 7701 protocol 177',
      '  rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
      '  rule add pref 5100 nop protocol 177',
    ]);
    expect(planned([link()], both)).to.deep.equal([
      'ip',
      '  rule del pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
      '  route del default dev hw1 table 7701',
      '  address del 10.77.16.2/32 dev hw1',
      'ip -6',
      '  rule del pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
      '  rule del pref 5100 nop protocol 177',
      '  route del default dev hw1 table 7701',
      '  address del fd77:16::2/128 dev hw1',
    ]);
  });

  it('writes sysctls in the order they are desired in: what keeps advertised routes before what would lose them', () => {
    const keep = sysctl('net/ipv6/conf/eth0/accept_ra', '2');
    const forward = sysctl('net/ipv6/conf/all/forwarding', '1');
    const observed = [sysctl('net/ipv6/conf/all/forwarding', '0'), sysctl('net/ipv6/conf/eth0/accept_ra', '1')];
    expect(planned([keep, forward], observed)).to.deep.equal([
      'sysctl net/ipv6/conf/eth0/accept_ra = 2',
      'sysctl net/ipv6/conf/all/forwarding = 1',
    ]);
  });

  it('puts back what was lost with a link, and removes it where the link stays', () => {
    expect(planned([link(), address(), route()], [link()])).to.deep.equal([
      'ip',
      '  address replace 10.77.16.2/32 dev hw1',
      '  route replace default dev hw1 table 7701 protocol 177',
    ]);
    expect(planned([link()], [link(), address(), route()])).to.deep.equal([
      'ip',
      '  route del default dev hw1 table 7701',
      '  address del 10.77.16.2/32 dev hw1',
    ]);
  });

  it('adds rules before it removes others', () => {
    expect(planned([replyRule()], [landing()])).to.deep.equal([
      'ip',
      '  rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7701 protocol 177',
      '  rule del pref 5100 nop protocol 177',
    ]);
  });

  it('replaces a changed table with all its elements, in one script', () => {
    const elements = [element('tunnels', 'hw1'), element('any4', 'tcp . 443', '10.77.16.2 . 443')];
    const observed = [table('old'), element('tunnels', 'hw1'), element('tunnels', 'hw2')];
    expect(planned([table('new'), ...elements], observed)).to.deep.equal([
      'nft',
      '  table inet homeward_backend {}',
      '  delete table inet homeward_backend',
      '  table inet homeward_backend {',
      '  new',
      '  }',
      '  add element inet homeward_backend tunnels { "hw1" }',
      '  add element inet homeward_backend any4 { tcp . 443 : 10.77.16.2 . 443 }',
    ]);
  });

  it('says which skeletons a script puts in place', () => {
    const desired = hostState([table('new')]);
    const [step] = plan(diff(desired, hostState([])), desired);
    const fingerprint = [...desired.values()].flatMap((r) => (r.kind === 'nft-table' ? [r.fingerprint] : []))[0];
    expect(step).to.deep.include({ kind: 'nft', tables: { homeward_backend: fingerprint } });
  });

  it('changes elements alone while the table stays', () => {
    const observed = [table('same'), element('tunnels', 'hw2')];
    expect(planned([table('same'), element('tunnels', 'hw1')], observed)).to.deep.equal([
      'nft',
      '  delete element inet homeward_backend tunnels { "hw2" }',
      '  add element inet homeward_backend tunnels { "hw1" }',
    ]);
  });

  it("changes a map element's value by removing and adding it in one script", () => {
    const at = (value: string) => [table('same'), element('any4', 'tcp . 443', value)];
    expect(planned(at('10.77.16.3 . 443'), at('10.77.16.2 . 443'))).to.deep.equal([
      'nft',
      '  delete element inet homeward_backend any4 { tcp . 443 }',
      '  add element inet homeward_backend any4 { tcp . 443 : 10.77.16.3 . 443 }',
    ]);
  });

  it('configures a device again without making it again', () => {
    expect(planned([link(), device(null, 51_820)], [link(), device(null, 51_821)])).to.deep.equal([
      'configure-wireguard hw1',
    ]);
  });
});
