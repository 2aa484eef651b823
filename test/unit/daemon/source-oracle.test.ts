/** The source oracle beside a real kernel: for every client, what it says is what the kernel would choose. */

import { createSourceOracle } from '@homeward/agent/daemon/source-oracle';
import { type SourceQuestion, sourceAddresses, sourceQuestions } from '@homeward/agent/desired/source-addresses';
import { command } from '@homeward/shared/host/command';
import type { Runner } from '@homeward/shared/host/runner';
import { askWays } from '@homeward/shared/kernel/route-get';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { FAMILIES, type Family, type IpAddress, ipFromNumber, ipToNumber, parseIp } from '@homeward/shared/net/address';
import { isSlotLink } from '@homeward/shared/net/allocation';
import { expect } from 'chai';
import fc from 'fast-check';
import { beforeEach, describe, it } from 'mocha';
import { networkNamespace } from '../kernel/network-namespace.js';

const TUNNEL = { ipv4: parseIp('10.77.16.2'), ipv6: parseIp('fd77:16::2') };

/** What is on `eth0` and `eth1` of a machine, as lines of `ip -batch`. */
const MACHINES: Readonly<Record<string, readonly string[]>> = {
  'one address and a default route': ['address add 203.0.113.9/24 dev eth0', 'route add default via 203.0.113.1'],
  'no default route': ['address add 203.0.113.9/24 dev eth0', 'address add 2001:db8:1::9/64 dev eth0 nodad'],
  "a VPN's two halves over the default route": [
    'address add 192.168.1.2/24 dev eth0',
    'address add 10.8.0.2/24 dev eth1',
    'route add default via 192.168.1.1',
    'route add 0.0.0.0/1 via 10.8.0.1',
    'route add 128.0.0.0/1 via 10.8.0.1',
    'address add 2001:db8:1::9/64 dev eth0 nodad',
    'address add fd00:8::2/64 dev eth1 nodad',
    'route add default via 2001:db8:1::1',
    'route add ::/1 via fd00:8::1',
    'route add 8000::/1 via fd00:8::1',
  ],
  'a global and a unique local address on one link': [
    'address add 2001:db8:1::9/64 dev eth0 nodad',
    'address add fd00:1::2/64 dev eth0 nodad',
    'route add default via fe80::1 dev eth0',
  ],
  'two global addresses on one link, of two providers': [
    'address add 2001:db8:1::9/64 dev eth0 nodad',
    'address add 2001:db8:2::9/64 dev eth0 nodad',
    'address add 2a02:1:2:3::9/64 dev eth0 nodad',
    'route add default via fe80::1 dev eth0',
    'route add 2001:db8:77::/48 via fe80::2 dev eth1',
  ],
  'addresses of several scopes and a tunnel broker': [
    'address add 2002:c000:204::1/48 dev eth0 nodad',
    'address add 2001:0:1::9/64 dev eth0 nodad',
    'address add 2a02:1:2:3::9/64 dev eth1 nodad',
    'address add fd00:1::2/64 dev eth0 nodad',
    'route add default via fe80::1 dev eth1',
  ],
  'routes of another table by a policy rule': [
    'address add 192.168.1.2/24 dev eth0',
    'address add 198.51.100.2/24 dev eth1',
    'route add default via 192.168.1.1',
    'route add 8.0.0.0/8 via 198.51.100.1 table 666',
    'rule add pref 5230 to 8.8.0.0/16 lookup 666',
    'rule add pref 5231 to 9.9.9.9 lookup main',
    'address add 2001:db8:1::9/64 dev eth0 nodad',
    'address add 2001:db8:2::9/64 dev eth1 nodad',
    'route add default via 2001:db8:1::1',
    'route add default via 2001:db8:2::1 table 666',
    'rule add pref 5230 to 2a00:1450::/32 lookup 666',
  ],
};

/** Clients at the edges of every interval, and some inside. */
function clientsOf(questions: readonly SourceQuestion[]): IpAddress[] {
  const seed = 1;
  return questions.flatMap(({ interval: { family, first, last } }) => {
    const inside = fc.sample(fc.bigInt({ min: first, max: last }), { numRuns: 6, seed });
    return [first + 1n, last - 1n, ...inside]
      .filter((value) => value > first && value < last)
      .map((value) => ipFromNumber(family, value));
  });
}

describe('daemon/source-oracle', () => {
  const inside = networkNamespace();
  const ip = (lines: readonly string[], ...options: string[]) =>
    inside.run(command('ip', [...options, '-batch', '-'], `${lines.join('\n')}\n`));

  async function setUp(lines: readonly string[]): Promise<void> {
    const isSix = (line: string) => line.includes(':');
    await ip(lines.filter((line) => !isSix(line)));
    await ip(lines.filter(isSix), '-6');
  }

  beforeEach(async () => {
    await ip(['link delete dev eth0', 'rule flush', 'rule add pref 32766 lookup main'], '-force').catch(
      () => undefined,
    );
    await ip(['link add eth0 type veth peer name eth1', 'link set lo up', 'link set eth0 up', 'link set eth1 up']);
  });

  async function planned(family: Family, oracle = createSourceOracle(inside)) {
    const snapshot = await takeSnapshot(inside, NO_TABLES, isSlotLink);
    const answers = await oracle(snapshot, FAMILIES);
    const questions = sourceQuestions(snapshot, family, isSlotLink);
    return { questions, ...sourceAddresses(questions, answers, TUNNEL[family]) };
  }

  for (const [what, lines] of Object.entries(MACHINES)) {
    it(`agrees with a kernel that has ${what}`, async () => {
      await setUp(lines);
      for (const family of FAMILIES) {
        const { questions, intervals } = await planned(family);
        const clients = clientsOf(questions);
        const chosen = await askWays(inside, clients);
        const found = clients.map((client) => {
          const value = ipToNumber(client);
          return `${client} ${intervals.find(({ first, last }) => first <= value && value <= last)?.value}`;
        });
        expect(found).to.deep.equal(
          clients.map((client) => `${client} ${chosen.get(client)?.source ?? TUNNEL[family]}`),
        );
      }
    });
  }

  it('lacks a route only where a client has none, whatever addresses the machine has itself', async () => {
    const lacking = async () => [(await planned('ipv4')).lacksRoute, (await planned('ipv6')).lacksRoute];
    expect(await lacking()).to.deep.equal([true, true]);
    // Of small networks the middle is the machine itself, and DHCPv6 gives addresses that are routes of their own.
    await setUp([
      'address add 203.0.113.1/30 dev eth0',
      'route add default via 203.0.113.2',
      'address add 2001:db8:1::1:5/128 dev eth0 nodad',
      'route add default via fe80::1 dev eth0',
    ]);
    expect(await lacking()).to.deep.equal([false, false]);
    await setUp(['route delete default via 203.0.113.2']);
    expect(await lacking()).to.deep.equal([true, false]);
  });

  it('asks again only when something changed that the choice may depend on', async () => {
    let asked = 0;
    const counting: Runner = {
      hasStarted: inside.hasStarted,
      run(one, signal) {
        if (one.args.includes('-force')) asked += 1;
        return inside.run(one, signal);
      },
    };
    const oracle = createSourceOracle(counting);
    await setUp(['address add 203.0.113.9/24 dev eth0', 'route add default via 203.0.113.1']);
    await planned('ipv4', oracle);
    await planned('ipv4', oracle);
    expect(asked).to.equal(1);
    await setUp(['rule add pref 5230 fwmark 7 lookup 666']);
    const { intervals } = await planned('ipv4', oracle);
    expect(asked).to.equal(2);
    expect(new Set(intervals.map(({ value }) => value))).to.deep.equal(new Set(['203.0.113.9']));
    await setUp(['address add 203.0.113.10/24 dev eth0']);
    await planned('ipv4', oracle);
    expect(asked).to.equal(3);
  });
});
