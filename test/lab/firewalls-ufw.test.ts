/** A real ufw at the relay and at the backend, which lets nothing in and forwards nothing: it is asked in its own way, and asked no more afterwards. */
import { expect } from 'chai';
import { startTraffic } from '../support/faults/traffic.js';
import { reloadUfw, startUfw, ufwFiles, ufwRules } from '../support/firewalls/ufw.js';
import { homeward, probe } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { script } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

/** What curl ends with when nobody answers in time. */
const noAnswer = 28;

describe('beside ufw', () => {
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
    await Promise.all(machines().map(startUfw));
    await lab.relay.must(['ufw', 'deny', 'proto', 'tcp', 'from', '203.0.113.66', 'comment', 'banned']);
    untouched = await Promise.all(
      machines().map(async (machine) => ({ kernel: await snapshot(machine), files: ufwFiles(machine) })),
    );
  });
  after(() => lab?.close());

  const expectShut = async (node: LabNode, url: string): Promise<void> => {
    const { exitCode, stdout } = await node.run(['curl', '--silent', '--connect-timeout', '1', url]);
    expect(exitCode, `${node.name} from ${url}: ${stdout}`).to.equal(noAnswer);
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

  it('everything is proven, with the real addresses, and what was shut stays shut', async () => {
    await expectDropping();
    await pairUp(lab, {
      forwards: ['80/tcp', '8080=192.168.1.99:8080/tcp', '5300/udp', '7000/tcp'],
      enrollArgs: ['--allow-lan', '192.168.1.0/24'],
    });
    await expectReal();
  });

  it('its status says what was asked of it, and by whom', async () => {
    expect((await ufwRules(lab.relay)).filter((line) => !line.includes('(v6)'))).to.deep.equal([
      '51820/udp ALLOW Anywhere # homeward_relay',
      '7700/tcp ALLOW Anywhere # homeward_relay',
      'Anywhere on hw0 ALLOW FWD Anywhere # homeward_relay',
    ]);
    expect((await ufwRules(lab.backend)).filter((line) => !line.includes('(v6)'))).to.deep.equal([
      'Anywhere ALLOW FWD Anywhere on hw1 # homeward_backend',
      'Anywhere on hw1 ALLOW Anywhere # homeward_backend',
    ]);
  });

  it('after ufw reload traffic flows on within a second', async () => {
    const traffic = await startTraffic(lab.client, address.relay, 5300, 7000);
    for (const machine of machines()) {
      await reloadUfw(machine);
      await traffic.flows(1_000);
    }
    expect(traffic.now().ended, 'connections that ended').to.equal(0);
    await traffic.end();
    await expectReal();
  });

  it('a rule of ours that somebody deletes is back', async () => {
    const before = await ufwRules(lab.backend);
    await lab.backend.must(['ufw', 'delete', 'allow', 'in', 'on', 'hw1']);
    await poll('our rules at the backend', 5_000, async () =>
      (await ufwRules(lab.backend)).join() === before.join() ? true : undefined,
    );
    await expectReal();
  });

  it('nothing of ours stays in it while it is switched off, and all is back once it is on', async () => {
    const before = await ufwRules(lab.relay);
    await lab.relay.must(['ufw', 'disable']);
    await poll('no rule of ours', 5_000, () =>
      ufwFiles(lab.relay)['user.rules']?.includes('hw0') === false ? true : undefined,
    );
    await expectTcp(lab, 80, nginx);
    await lab.relay.must(['ufw', '--force', 'enable']);
    await poll('our rules at the relay', 10_000, async () =>
      (await ufwRules(lab.relay)).join() === before.join() ? true : undefined,
    );
    await reloadUfw(lab.relay);
    await poll('a green proof', 10_000, async () => ((await probe(lab.relay)).report.ok ? true : undefined));
    await expectReal();
  });

  it('down takes back what ufw let through for us, and nothing else', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    for (const [index, machine] of machines().entries()) {
      const { kernel, files } = untouched[index] as (typeof untouched)[number];
      expect(ufwFiles(machine)).to.deep.equal(files);
      await expectUnchanged(machine, kernel);
    }
    await expectDropping();
  });
});
