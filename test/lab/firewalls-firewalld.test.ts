/** A real firewalld at the relay and at the backend, which rejects what comes in and forwards nothing: it is asked in its own way, and asked no more afterwards. */
import { expect } from 'chai';
import { startTraffic } from '../support/faults/traffic.js';
import { firewalldFiles, firewalldRules, reloadFirewalld, startFirewalld } from '../support/firewalls/firewalld.js';
import { createFirewallStage, type FirewallStage, talk } from '../support/firewalls/stage.js';
import { address } from '../support/lab.js';
import { poll } from '../support/poll.js';

/** What curl ends with when it is rejected. */
const rejected = { exitCode: 7, seconds: 5 };

const ours = {
  relay: [
    'rule priority="7700" port port="51820" protocol="udp" accept',
    'rule priority="7700" port port="7700" protocol="tcp" accept',
  ],
  backend: ['hw1'],
};

describe('beside firewalld', () => {
  let stage: FirewallStage;

  before(async () => {
    stage = await createFirewallStage({ start: startFirewalld, files: firewalldFiles, curl: rejected });
  });
  after(() => stage?.lab.close());

  const untilAsked = async (limitMs: number): Promise<void> => {
    for (const [node, rules] of [
      [stage.lab.relay, ours.relay],
      [stage.lab.backend, ours.backend],
    ] as const)
      await poll(`what firewalld lets through at ${node.name}`, limitMs, async () => {
        const found = await firewalldRules(node);
        if (found.join() !== rules.join()) throw new Error(found.join('\n'));
        return true;
      });
  };

  it('everything is proven, with the real addresses, and what was shut stays shut', async () => {
    await stage.expectDropping();
    await stage.pair();
    await stage.expectReal();
    await untilAsked(1_000);
  });

  it('after firewall-cmd --reload, which forgets it, all is back within a second, and traffic flows on', async () => {
    const traffic = await startTraffic(stage.lab.client, address.relay, talk.udp, talk.tcp);
    for (const machine of stage.machines()) {
      await reloadFirewalld(machine);
      await traffic.flows(1_000);
    }
    // Each look at firewalld takes a part of that second, ours as well as the test's.
    await untilAsked(3_000);
    expect(traffic.now().ended, 'connections that ended').to.equal(0);
    await traffic.end();
    await stage.expectReal();
  });

  it('what somebody removes is back', async () => {
    await stage.lab.backend.must(['firewall-cmd', '--zone=trusted', '--remove-interface=hw1']);
    await stage.lab.relay.must(['firewall-cmd', '--zone=public', `--remove-rich-rule=${ours.relay[1]}`]);
    await untilAsked(5_000);
    await stage.expectReal();
  });

  it('down takes back what it let through for us, and nothing else', async () => {
    await stage.expectRemoved();
  });
});
