/** A real ufw at the relay and at the backend, which lets nothing in and forwards nothing: it is asked in its own way, and asked no more afterwards. */
import { expect } from 'chai';
import { startTraffic } from '../support/faults/traffic.js';
import { createFirewallStage, type FirewallStage, talk } from '../support/firewalls/stage.js';
import { reloadUfw, startUfw, ufwFiles, ufwRules } from '../support/firewalls/ufw.js';
import { probe } from '../support/homeward.js';
import { address } from '../support/lab.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';

/** What curl ends with when nobody answers in time. */
const noAnswer = { exitCode: 28, seconds: 1 };

describe('beside ufw', () => {
  let stage: FirewallStage;

  before(async () => {
    stage = await createFirewallStage({ start: startUfw, files: ufwFiles, curl: noAnswer }, ({ relay }) =>
      relay.must(['ufw', 'deny', 'proto', 'tcp', 'from', '203.0.113.66', 'comment', 'banned']),
    );
  });
  after(() => stage?.lab.close());

  it('everything is proven, with the real addresses, and what was shut stays shut', async () => {
    await stage.expectDropping();
    await stage.pair();
    await stage.expectReal();
  });

  it('its status says what was asked of it, and by whom', async () => {
    expect((await ufwRules(stage.lab.relay)).filter((line) => !line.includes('(v6)'))).to.deep.equal([
      '51820/udp ALLOW Anywhere # homeward_relay',
      '7700/tcp ALLOW Anywhere # homeward_relay',
      'Anywhere on hw0 ALLOW FWD Anywhere # homeward_relay',
    ]);
    expect((await ufwRules(stage.lab.backend)).filter((line) => !line.includes('(v6)'))).to.deep.equal([
      'Anywhere ALLOW FWD Anywhere on hw1 # homeward_backend',
      'Anywhere on hw1 ALLOW Anywhere # homeward_backend',
    ]);
  });

  it('after ufw reload traffic flows on within a second', async () => {
    const traffic = await startTraffic(stage.lab.client, address.relay, talk.udp, talk.tcp);
    for (const machine of stage.machines()) {
      await reloadUfw(machine);
      await traffic.flows(1_000);
    }
    expect(traffic.now().ended, 'connections that ended').to.equal(0);
    await traffic.end();
    await stage.expectReal();
  });

  it('a rule of ours that somebody deletes is back', async () => {
    const before = await ufwRules(stage.lab.backend);
    await stage.lab.backend.must(['ufw', 'delete', 'allow', 'in', 'on', 'hw1']);
    await poll('our rules at the backend', 5_000, async () =>
      (await ufwRules(stage.lab.backend)).join() === before.join() ? true : undefined,
    );
    await stage.expectReal();
  });

  it('nothing of ours stays in it while it is switched off, and all is back once it is on', async () => {
    const before = await ufwRules(stage.lab.relay);
    await stage.lab.relay.must(['ufw', 'disable']);
    await poll('no rule of ours', 5_000, () =>
      ufwFiles(stage.lab.relay)['user.rules']?.includes('hw0') === false ? true : undefined,
    );
    await expectTcp(stage.lab, 80, stage.nginx);
    await stage.lab.relay.must(['ufw', '--force', 'enable']);
    await poll('our rules at the relay', 10_000, async () =>
      (await ufwRules(stage.lab.relay)).join() === before.join() ? true : undefined,
    );
    await reloadUfw(stage.lab.relay);
    await poll('a green proof', 10_000, async () => ((await probe(stage.lab.relay)).report.ok ? true : undefined));
    await stage.expectReal();
  });

  it('down takes back what ufw let through for us, and nothing else', async () => {
    await stage.expectRemoved();
  });
});
