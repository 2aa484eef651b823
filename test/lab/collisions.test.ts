/** Who uses the numbers that homeward would use: others are taken, or it is named before anything changes; and the bits of others survive. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { fieldUser } from '../support/neighbours/field-user.js';
import { mwan3 } from '../support/neighbours/mwan3.js';
import { wgQuick } from '../support/neighbours/wg-quick.js';
import { pairUp, provenInTheEnd, startPair, tokenOf } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { snapshot } from '../support/snapshot.js';
import { expectDone, expectRefused, expectUnchanged } from '../support/tidy.js';

const forwards = ['80/tcp', '5300/udp'];

describe('on a machine where others use homeward’s numbers', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  beforeEach(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
  });
  afterEach(() => lab?.close());

  const expectReal = async (): Promise<void> => {
    for (const host of [address.relay, address6.relay]) {
      await expectTcpAt(lab, host, 80, nginx);
      await expectUdpAt(lab, host, 5300, echo);
    }
  };

  it('a slot is taken whose link, table, rules and mark are nobody’s', async () => {
    const expectWorking = await fieldUser.start(lab);
    await expectWorking();
    const untouched = await snapshot(lab.backend);
    await pairUp(lab, { forwards });
    const [relay] = (await agentStatus(lab.backend)).relays;
    expect({ slot: relay?.slot, device: relay?.tunnel?.device }).to.deep.equal({ slot: 8, device: 'hw8' });
    await expectReal();
    await expectWorking();
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, untouched);
    await expectWorking();
  });

  it('marks that leave no slot are named before anything changes, and the token is not used up', async () => {
    const input = `table inet marker {
  chain all-bits {
    type filter hook prerouting priority mangle; policy accept;
    iifname "eth7" meta mark set meta mark or 0xff000000
  }
}
`;
    await lab.backend.must(['nft', '-f', '-'], { input });
    const untouched = await snapshot(lab.backend);
    await startDaemon(lab.relay, 'controller');
    const pairing = startPair(lab.relay, 'home', forwards);
    const token = { input: `${await tokenOf(pairing)}\n` };
    expectRefused(
      await homeward(lab.backend, 'agent', ['enroll'], token),
      2,
      /no slot for a relay: table inet marker, chain all-bits uses the mark 0xff000000/,
    );
    await expectUnchanged(lab.backend, untouched);
    await lab.backend.must(['nft', 'delete', 'table', 'inet', 'marker']);
    expectDone(await homeward(lab.backend, 'agent', ['enroll'], token));
    start(lab.backend, 'agent', ['run']);
    expect(await pairing.process.ended).to.equal(0);
    await expectReal();
  });

  it('a table that somebody took while homeward was down is left to them, and named', async function () {
    // The agent starts twice.
    this.timeout(120_000);
    await pairUp(lab, { forwards });
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await lab.backend.must('ip route add default via 192.168.1.1 table 7701'.split(' '));
    const untouched = await snapshot(lab.backend);
    start(lab.backend, 'agent', ['run']);
    const reason = await poll('the reason at the relay', 30_000, async () => {
      const [backend] = (await controllerStatus(lab.relay)).backends;
      return backend?.forwards[0]?.reason ?? undefined;
    });
    expect(reason).to.match(/^table 7701 has routes at this backend that homeward did not make; /);
    await expectUnchanged(lab.backend, untouched);
    await lab.backend.must('ip route delete default via 192.168.1.1 table 7701'.split(' '));
    await provenInTheEnd(lab.relay);
    await expectTcpAt(lab, address.relay, 80, nginx);
  });

  // Without a priority of its own a rule gets the one before all others, ours among them.
  for (const neighbour of [mwan3, wgQuick]) {
    it(`rules of ${neighbour.name} that come later, and would take the replies, find ours before them`, async () => {
      await pairUp(lab, { forwards });
      // What is inside the tunnel is in question, not by which way the tunnel itself goes on.
      await lab.backend.must(`ip route add ${address.relay} via 192.168.1.1`.split(' '));
      const expectWorking = await neighbour.start(lab);
      await poll('our rules before those of others', 10_000, async () => {
        const rules = await lab.backend.json<{ priority: number; protocol?: string }[]>(['ip', '-j', '-4', 'rule']);
        const isOurs = rules.filter(({ priority }) => priority > 0).map(({ protocol }) => String(protocol) === '177');
        // Arrival, reply and landing.
        return isOurs.slice(0, 3).every(Boolean) && isOurs[3] === false ? true : undefined;
      });
      // Of either family.
      await poll('services that see their clients', 10_000, async () => {
        await expectReal();
        return true;
      });
      await expectWorking();
    });
  }

  it('bits of others stay in the marks of packets and of connections, beside homeward’s', async () => {
    // Tailscale's, Kubernetes', mwan3's and the low byte of wg-quick's.
    const theirs = 0x4ff6c;
    const chain = (type: string, hook: string): string => `  chain ${hook} {
    type ${type} hook ${hook} priority mangle - 1; policy accept;
    meta mark set meta mark or ${theirs}
    ct mark set ct mark or ${theirs}
  }
`;
    const input = `table inet markers {\n${chain('filter', 'prerouting')}${chain('route', 'output')}}\n`;
    await lab.backend.must(['nft', '-f', '-'], { input });
    await pairUp(lab, { forwards });
    // Only now: a rule about such a mark would be somebody's who uses it.
    const both = 0x100_0000 + theirs;
    const witness = `table inet witness {
  counter lost { }
  counter kept { }
  chain postrouting {
    type filter hook postrouting priority 200; policy accept;
    oifname "hw1" ct direction reply meta mark != ${both} counter name "lost"
    oifname "hw1" ct direction reply meta mark ${both} counter name "kept"
  }
}
`;
    await lab.backend.must(['nft', '-f', '-'], { input: witness });
    await expectReal();
    const packets = async (name: string): Promise<number> =>
      Number(/packets (\d+)/.exec(await lab.backend.must(['nft', 'list', 'counter', 'inet', 'witness', name]))?.[1]);
    expect(await packets('lost')).to.equal(0);
    expect(await packets('kept')).to.be.above(10);
    for (const client of [address.client, address6.client]) {
      const family = client.includes(':') ? 'ipv6' : 'ipv4';
      const flows = await lab.backend.must(['conntrack', '-L', '-f', family, '-s', client]);
      const marks = [...flows.matchAll(/ mark=(\d+)/g)].map(([, mark]) => Number(mark));
      expect(new Set(marks), flows).to.deep.equal(new Set([both]));
    }
  });
});
