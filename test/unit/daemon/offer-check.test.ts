/** What of an offer a backend takes: checked against its owner's policy and against the machine. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { sortForwards } from '@homeward/agent/daemon/forward-sorter';
import { offerProblem, ownSide, relayTunnel, usedPrefixes } from '@homeward/agent/daemon/offer-check';
import { parsePolicy } from '@homeward/agent/policy';
import type { RelayRecord } from '@homeward/agent/store/state';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import type { Offer } from '@homeward/shared/protocol/messages';
import { keyOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';
import { accepted, externalOffer, greOffer, offer, relay } from '../store/backend-states.js';

const policy = parsePolicy('/etc/policy.json', {});
const machine = snapshotOf({ lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'] }, ['default eth0', '192.168.1.0/24 eth0']);
const ours = relay(1, 'A');
const own = { sshPorts: [22], addresses: ['127.0.0.1', '192.168.1.2'] };

const read = (specs: readonly string[]) => createForwardReader()('A', specs);

/** Why an offer cannot be taken. */
function refusalOf(made: Offer, rules = policy, snapshot = machine, others = [ours]): string | null {
  return offerProblem(made, read(made.forwards), ours, others, rules, snapshot);
}

function problem(address: string, snapshot = machine, others = [ours]): string | null {
  return refusalOf(offer(address), policy, snapshot, others);
}

/** Of an offer with that IPv6 address. */
function problem6(address: string, snapshot = machine, others = [ours]): string | null {
  return refusalOf(offer('10.77.16.2', [], address), policy, snapshot, others);
}

describe('daemon/offer-check', () => {
  it('sorts forwards by the policy, and refuses what it cannot read without losing the rest', () => {
    const { allowed, refused } = sortForwards(
      read(['443/tcp', '22/tcp', 'nonsense', '80=127.0.0.1/tcp', '53/udp']),
      policy,
      own,
    );
    expect(allowed.map(({ publicPorts }) => publicPorts.first)).to.deep.equal([443, 53]);
    expect(refused.map(({ spec }) => spec)).to.deep.equal(['22/tcp', 'nonsense', '80=127.0.0.1/tcp']);
    expect(refused[1]?.reason).to.equal('forward "nonsense" lacks the protocol');
    expect(refused.every(({ reason }) => reason.length <= 512)).to.equal(true);
  });

  it('refuses, and does not stumble over, whatever a relay can put into an offer', () => {
    for (const spec of ['443/constructor', '443/__proto__', '443/toString', '[', '=', '/', '1-2-3/tcp', '٤٤٣/tcp']) {
      const { allowed, refused } = sortForwards(read([spec, '443/tcp']), policy, own);
      expect(allowed, spec).to.have.lengthOf(1);
      expect(refused.map((refusal) => refusal.spec)).to.deep.equal([spec]);
    }
  });

  it('takes an address that nobody uses', () => {
    expect(problem('10.77.16.2')).to.equal(null);
    expect(problem('10.77.16.2', recordedSnapshot())).to.equal(null);
  });

  it('does not take an address in a network of its own, naming it', () => {
    const says = (prefix: string) =>
      `the tunnel address ${prefix.replace(/\.0\/\d+$/, '.9')} lies in ${prefix}, which this backend uses: start the relay with another --pool`;
    const routed = snapshotOf({ eth0: ['192.168.1.2/24'] }, ['default eth0', '10.77.16.0/20 eth0']);
    expect(problem('10.77.16.9', routed)).to.equal(says('10.77.16.0/20'));
    expect(problem('192.168.1.9')).to.include('lies in 192.168.1.0/24');
  });

  it('does not take an IPv6 address in a network of its own either', () => {
    const dual = snapshotOf({ eth0: ['192.168.1.2/24', 'fd77:16::9/64'] }, ['default eth0', 'fd66::/48 eth0']);
    expect(problem6('fd77:16::2', dual)).to.equal(
      'the tunnel address fd77:16::2 lies in fd77:16::/64, which this backend uses: start the relay with another --pool',
    );
    expect(problem6('fd66:0:0:5::2', dual)).to.include('lies in fd66::/48');
    expect(problem6('fd77:17::2', dual)).to.equal(null);
    // IPv6's default route is no network that is in use.
    expect(
      problem6('fd77:17::2', snapshotOf({ tun0: ['fd00:8::2/64'] }, ['default6 tun0', '::/1 tun0', '8000::/1 tun0'])),
    ).to.equal(null);
  });

  it('takes for IPv6 none but a unique local address', () => {
    for (const address of ['2001:db8::2', 'fe80::2', '::1', 'ff02::1', 'fc00::2', '::ffff:10.77.16.2']) {
      expect(problem6(address), address).to.match(/is not a private one/);
    }
    expect(problem6('fd12:3456:789a::2')).to.equal(null);
  });

  it('does not make a public, metadata or loopback address one of its own', () => {
    for (const address of ['203.0.113.1', '169.254.169.254', '127.0.0.2', '8.8.8.8', '224.0.0.1']) {
      expect(problem(address), address).to.not.equal(null);
    }
    for (const address of ['10.77.16.2', '172.30.0.2', '100.64.0.2']) expect(problem(address), address).to.equal(null);
  });

  it("takes no relay's end that is public, of this machine or a metadata address: datagrams go there", () => {
    const with4 = (relayAddress: string) => ({ ...offer(), tunnel: { ...greOffer().tunnel, relayAddress } }) as Offer;
    const with6 = (relayAddress6: string) => ({ ...offer(), tunnel: { ...greOffer().tunnel, relayAddress6 } }) as Offer;
    for (const address of ['8.8.8.8', '169.254.169.254', '127.0.0.1', '255.255.255.255', '0.0.0.0']) {
      expect(refusalOf(with4(address)), address).to.match(/is not a private one/);
    }
    for (const address of ['::1', 'fe80::1', '2001:db8::1', 'ff02::1']) {
      expect(refusalOf(with6(address)), address).to.match(/is not a private one/);
    }
    expect([refusalOf(with4('10.77.16.1')), refusalOf(with6('fd77:16::1'))]).to.deep.equal([null, null]);
  });

  it('says where SSH listens, or did, and which addresses are its own', () => {
    const listeners = parseListeners('tcp LISTEN 0 128 *:2222 *:* users:(("sshd",pid=1,fd=3))');
    const known = new Set<number>();
    const expected = { sshPorts: [22, 2222], addresses: ['127.0.0.1', '192.168.1.2'] };
    expect(ownSide(machine, listeners, known)).to.deep.equal(expected);
    // sshd restarts: its port stays SSH's.
    expect(ownSide(machine, [], known)).to.deep.equal(expected);
  });

  it("does not take its own tunnel, or a VPN's default route, for networks in use", () => {
    const links = { eth0: ['192.168.1.2/24'], hw1: ['10.77.16.2/32'], tun0: ['10.8.0.2/24'] };
    const routes = ['default eth0', '0.0.0.0/1 tun0', '128.0.0.0/1 tun0', '10.77.16.0/20 hw1'];
    const snapshot = snapshotOf(links, routes);
    expect(problem('10.77.16.2', snapshot)).to.equal(null);
    expect(usedPrefixes(snapshot)).to.deep.equal(['192.168.1.0/24', '10.8.0.0/24']);
  });

  it('does not take the address of another relay, naming its slot', () => {
    const other = relay(2, 'B', { accepted: accepted('10.77.16.2') });
    expect(problem('10.77.16.2', machine, [ours, other])).to.equal(
      'the relay in slot 2 uses the same tunnel address 10.77.16.2: start one with another --pool',
    );
    const sixth = relay(2, 'B', { accepted: accepted('10.99.0.2', [], 'fd77:16::2') });
    expect(problem6('fd77:16::2', machine, [ours, sixth])).to.equal(
      'the relay in slot 2 uses the same tunnel address fd77:16::2: start one with another --pool',
    );
    expect(problem6('fd99::3', machine, [ours, other])).to.include('tunnel address 10.77.16.2');
    expect(problem6('fd77:16::3', machine, [ours, sixth])).to.equal(null);
    const renewed = relay(1, 'A', { accepted: accepted('10.77.16.2') });
    expect(problem('10.77.16.2', machine, [renewed])).to.equal(null);
  });

  it('takes no tunnel that the policy does not allow, and names the line to add', () => {
    const strict = parsePolicy('/etc/policy.json', { tunnels: ['gre'] });
    expect(refusalOf(offer(), strict)).to.equal(
      '/etc/policy.json does not allow wireguard tunnels; to allow them, add "wireguard" to "tunnels"',
    );
    const open = parsePolicy('/etc/policy.json', { tunnels: ['gre', 'wireguard'] });
    expect(refusalOf(offer(), open)).to.equal(null);
  });

  describe('of external tunnels', () => {
    const links = { lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'], tun0: ['10.8.0.2/24'] };
    const there = snapshotOf(links, ['default eth0', '192.168.1.0/24 eth0', '10.8.0.0/24 tun0']);
    const made = externalOffer('10.8.0.1', 'fd00:8::1');
    const named = relay(1, 'A', { device: { name: 'tun0', gateway: null } });
    const refusal = (own: RelayRecord, snapshot = there, others: RelayRecord[] = [own], one = made, rules = policy) =>
      offerProblem(one, read(one.forwards), own, others, rules, snapshot);

    it("takes the owner's device, whose addresses lie in a network of its own", () => {
      expect(refusal(named)).to.equal(null);
    });

    it('says what is to be done where no device was named, or it is away or down, or has no address the relay can reach', () => {
      expect(refusal(ours)).to.match(/was not told which of its devices .* agent device tun0$/);
      const away = 'this backend has no device tun0 that is up';
      expect(refusal(named, machine)).to.equal(away);
      const down = there.links.map((link) => ({ ...link, up: link.name !== 'tun0' }));
      expect(refusal(named, { ...there, links: down })).to.equal(away);
      const sixOnly = externalOffer(null, 'fd00:8::1');
      expect(refusal(named, there, [named], sixOnly)).to.equal(
        "tun0 and the relay's device have no addresses of one family",
      );
    });

    it('takes no device for two relays, nor one of its own', () => {
      const held = { offer: made, endpointHost: '198.51.100.1' };
      const other = relay(2, 'B', { device: { name: 'tun0', gateway: null }, accepted: held });
      expect(refusal(named, there, [named, other])).to.match(/^tun0 leads to the relay in slot 2; of two relays/);
      expect(refusal(named, there, [named, { ...other, accepted: accepted('10.77.16.2') }])).to.equal(null);
      expect(refusal({ ...named, accepted: held }, there, [{ ...named, accepted: held }])).to.equal(null);
      const own = relay(1, 'A', { device: { name: 'hw2', gateway: null } });
      expect(refusal(own, snapshotOf({ ...links, hw2: ['10.77.16.2/32'] }, []))).to.match(/homeward's own/);
    });

    it('takes none that the policy does not allow', () => {
      const strict = parsePolicy('/etc/policy.json', { tunnels: ['wireguard'] });
      expect(refusal(named, there, [named], made, strict)).to.equal(
        '/etc/policy.json does not allow external tunnels; to allow them, add "external" to "tunnels"',
      );
    });

    it('does not compare its addresses with those that relays give to others', () => {
      const external = relay(2, 'B', { accepted: { offer: made, endpointHost: '198.51.100.1' } });
      expect(problem('10.77.16.2', machine, [ours, external])).to.equal(null);
    });

    it("gives the kernel's view while the device is there, and none while it is away", () => {
      const all = (specs: readonly string[]) => sortForwards(read(specs), policy, own).allowed;
      const held = { ...named, accepted: { offer: externalOffer('10.8.0.1', null, ['443/tcp']), endpointHost: 'x' } };
      const [found] = relayTunnel(held, policy, there, all);
      expect(found).to.deep.include({ slot: 1, link: 'tun0', tunnelAddresses: { ipv4: '10.8.0.2' }, resources: [] });
      expect(found?.forwards.map(({ spec }) => spec)).to.deep.equal(['443/tcp']);
      expect(relayTunnel(held, policy, machine, all)).to.deep.equal([]);
      const strict = parsePolicy('/etc/policy.json', { tunnels: ['wireguard'] });
      expect(relayTunnel(held, strict, there, all)).to.deep.equal([]);
    });
  });

  it("takes GRE as WireGuard: its address must be free and private, its link the slot's", () => {
    expect(refusalOf(greOffer())).to.equal(null);
    expect(refusalOf(greOffer('8.8.8.8'))).to.match(/is not a private one/);
    const held = { offer: greOffer('10.77.16.2', 7700, 4711), endpointHost: '198.51.100.1' };
    const [tunnel] = relayTunnel(relay(3, 'A', { accepted: held }), policy, machine, () => []);
    expect(tunnel).to.deep.include({ link: 'hw3', shared: null });
    expect(tunnel?.resources.map(keyOf)).to.deep.equal(['fou port 7703', 'link hw3']);
    const twin = relay(2, 'B', { accepted: held });
    expect(problem('10.77.16.2', machine, [ours, twin])).to.include('the relay in slot 2 uses the same tunnel address');
  });

  it("does not take the pieces of a VPN's default route for networks in use", () => {
    const routes = [
      '::/3 tun0',
      '2000::/4 tun0',
      '3000::/4 tun0',
      'fc00::/7 tun0',
      '8.0.0.0/5 tun0',
      '10.64.0.0/10 eth0',
    ];
    const vpn = snapshotOf({ tun0: ['10.8.0.2/24'] }, routes);
    expect(usedPrefixes(vpn)).to.deep.equal(['10.8.0.0/24', '10.64.0.0/10']);
    expect(problem6('fd77:16::2', snapshotOf({ tun0: ['10.8.0.2/24'] }, routes.slice(0, 5)))).to.equal(null);
  });

  it('tells the prefixes it uses in a form the wire takes, of both families, each once', () => {
    const used = usedPrefixes(recordedSnapshot());
    expect(used).to.have.members([
      ...['127.0.0.0/8', '203.0.113.0/24', '192.168.1.0/24', '172.17.0.0/16', '10.8.0.0/24', '10.9.0.0/16'],
      ...['::1/128', '2001:db8:1::/64', 'fd00:1::/64', 'fe80::/64', '2001:db8:9::/48', '2001:db8:77::/48'],
    ]);
    const prefixes = z.array(z.union([z.cidrv4(), z.cidrv6()]));
    expect(prefixes.parse(used)).to.deep.equal(used);
  });

  it('takes no offer whose ports behind this backend would fill its memory, but any range of its own', () => {
    const offered = (...forwards: string[]) => refusalOf(offer('10.77.16.2', forwards));
    expect(offered('1-65535/tcp+udp', '198.51.100.1:1-65535/tcp+udp')).to.equal(null);
    expect(offered('1-65535=192.168.1.9/tcp+udp')).to.equal(null);
    expect(offered('1-65535=192.168.1.9/tcp+udp', '198.51.100.1:1-65535=192.168.1.10/tcp+udp')).to.match(
      /^the relay offers more than 200000 ports of hosts behind this backend$/,
    );
  });

  it("gives the kernel's view of an accepted offer, and none of a relay without one", () => {
    const allowed = (specs: readonly string[]) => sortForwards(read(specs), policy, own).allowed;
    expect(relayTunnel(ours, policy, machine, allowed)).to.deep.equal([]);
    const [tunnel] = relayTunnel(
      relay(3, 'A', { accepted: accepted('10.77.16.2', ['443/tcp', '22/tcp']) }),
      policy,
      machine,
      allowed,
    );
    expect(tunnel?.tunnelAddresses).to.deep.equal({ ipv4: '10.77.16.2', ipv6: 'fd77:16::2' });
    expect(tunnel?.resources.map(keyOf)).to.deep.equal([
      'link hw3',
      'wireguard hw3',
      'sysctl net/ipv4/conf/all/send_redirects',
    ]);
    expect(tunnel?.forwards.map(({ publicPorts }) => publicPorts.first)).to.deep.equal([443]);
  });
});
