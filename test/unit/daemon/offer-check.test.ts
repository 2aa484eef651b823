/** What of an offer a backend takes: checked against its owner's policy and against the machine. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { sortForwards } from '@homeward/agent/daemon/forward-sorter';
import { offerProblem, ownSide, relayTunnel, usedPrefixes } from '@homeward/agent/daemon/offer-check';
import { parsePolicy } from '@homeward/agent/policy';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import type { Offer } from '@homeward/shared/protocol/messages';
import { keyOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { z } from 'zod';
import { recordedSnapshot, snapshotOf } from '../kernel/snapshots.js';
import { accepted, offer, relay } from '../store/backend-states.js';

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
    expect(tunnel?.resources.map(keyOf)).to.deep.equal(['link hw3', 'wireguard hw3']);
    expect(tunnel?.forwards.map(({ publicPorts }) => publicPorts.first)).to.deep.equal([443]);
  });
});
