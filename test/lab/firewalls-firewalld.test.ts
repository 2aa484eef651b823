/** A real firewalld at the relay and at the backend, which rejects what comes in and forwards nothing: it is asked in its own way, and asked no more afterwards. */
import { expect } from 'chai';
import { startTraffic } from '../support/faults/traffic.js';
import { firewalldFiles, firewalldRules, reloadFirewalld, startFirewalld } from '../support/firewalls/firewalld.js';
import { homeward } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { script } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

/** What curl ends with when it is rejected. */
const rejected = 7;

const ours = {
  relay: [
    'rule priority="7700" port port="51820" protocol="udp" accept',
    'rule priority="7700" port port="7700" protocol="tcp" accept',
  ],
  backend: ['hw1'],
};

describe('beside firewalld', () => {
  let lab: Lab;
  let nginx: Service;
  let behind: Service;
  let echo: Service;
  let untouched: { kernel: Snapshot; files: Record<string, string> }[];
  const machines = () => [lab.relay, lab.backend];

  before(async () => {
    lab = await createLab();
    [nginx, behind, echo] = await Promise.all([
      startNginx(lab.backend, 80),
      startNginx(lab.lan, 8080),
      startUdpEcho(lab.backend, 5300),
      startNginx(lab.relay, 8081),
    ]);
    lab.backend.spawn(script('services/tcp-echo', '7000'));
    await Promise.all(machines().map(startFirewalld));
    untouched = await Promise.all(
      machines().map(async (machine) => ({ kernel: await snapshot(machine), files: firewalldFiles(machine) })),
    );
  });
  after(() => lab?.close());

  const expectShut = async (node: LabNode, url: string): Promise<void> => {
    const { exitCode, stdout } = await node.run(['curl', '--silent', '--connect-timeout', '5', url]);
    expect(exitCode, `${node.name} from ${url}: ${stdout}`).to.equal(rejected);
  };
  /** Their own doors: a service of the relay's own, and the forwarded service for whoever comes another way. */
  const expectDropping = async (): Promise<void> => {
    await expectShut(lab.client, `http://${address.relay}:8081/`);
    await expectShut(lab.lan, `http://${address.backend}/`);
  };
  const expectReal = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectTcp(lab, 8080, behind);
    await expectUdp(lab, 5300, echo);
    await expectDropping();
  };
  const untilAsked = async (limitMs: number): Promise<void> => {
    for (const [node, rules] of [
      [lab.relay, ours.relay],
      [lab.backend, ours.backend],
    ] as const)
      await poll(`what firewalld lets through at ${node.name}`, limitMs, async () => {
        const found = await firewalldRules(node);
        if (found.join() !== rules.join()) throw new Error(found.join('\n'));
        return true;
      });
  };

  it('everything is proven, with the real addresses, and what was shut stays shut', async () => {
    await expectDropping();
    await pairUp(lab, {
      forwards: ['80/tcp', '8080=192.168.1.99:8080/tcp', '5300/udp', '7000/tcp'],
      enrollArgs: ['--allow-lan', '192.168.1.0/24'],
    });
    await expectReal();
    await untilAsked(1_000);
  });

  it('after firewall-cmd --reload, which forgets it, all is back within a second, and traffic flows on', async () => {
    const traffic = await startTraffic(lab.client, address.relay, 5300, 7000);
    for (const machine of machines()) {
      await reloadFirewalld(machine);
      await traffic.flows(1_000);
    }
    // Each look at firewalld takes a part of that second, ours as well as the test's.
    await untilAsked(3_000);
    expect(traffic.now().ended, 'connections that ended').to.equal(0);
    await traffic.end();
    await expectReal();
  });

  it('what somebody removes is back', async () => {
    await lab.backend.must(['firewall-cmd', '--zone=trusted', '--remove-interface=hw1']);
    await lab.relay.must(['firewall-cmd', '--zone=public', `--remove-rich-rule=${ours.relay[1]}`]);
    await untilAsked(5_000);
    await expectReal();
  });

  it('down takes back what it let through for us, and nothing else', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    for (const [index, machine] of machines().entries()) {
      const { kernel, files } = untouched[index] as (typeof untouched)[number];
      expect(firewalldFiles(machine)).to.deep.equal(files);
      await expectUnchanged(machine, kernel);
    }
    await expectDropping();
  });
});
