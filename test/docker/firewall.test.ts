/** A real Docker daemon, which drops what it did not forward itself: at the relay, and at a backend with hosts behind it. */
import { expect } from 'chai';
import { type Engine, startEngine } from '../support/docker/engine.js';
import { homeward, probe } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { type Service, startNginx } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

describe('beside Docker', () => {
  let lab: Lab;
  let engines: Engine[];
  let nginx: Service;
  let behind: Service;
  let untouched: Snapshot[];
  const machines = () => [lab.relay, lab.backend];
  /** The owner's own rule, which goes before ours. */
  const ban = ['DOCKER-USER', '--source', '198.18.0.66', '--jump', 'DROP'];

  before(async () => {
    lab = await createLab();
    [nginx, behind] = await Promise.all([startNginx(lab.backend, 80), startNginx(lab.lan, 8080)]);
    engines = await Promise.all(machines().map((machine) => startEngine(lab.name, machine)));
    await lab.relay.must(['iptables', '--insert', ...ban]);
    untouched = await Promise.all(machines().map(snapshot));
  });
  after(async () => {
    await Promise.all((engines ?? []).map((engine) => engine.close()));
    await lab?.close();
  });

  const expectDropping = async (): Promise<void> => {
    for (const machine of machines())
      expect(await machine.must(['iptables', '--list-rules', 'FORWARD'])).to.include('-P FORWARD DROP');
  };
  const expectReal = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectTcp(lab, 8080, behind);
    await expectDropping();
  };
  const rules = (machine: Lab['relay']): Promise<string> => machine.must(['iptables', '--list-rules', 'DOCKER-USER']);

  it('everything is proven, with the real addresses', async () => {
    await expectDropping();
    await pairUp(lab, {
      forwards: ['80/tcp', '8080=192.168.1.99:8080/tcp'],
      enrollArgs: ['--allow-lan', '192.168.1.0/24'],
    });
    await expectReal();
    expect((await rules(lab.relay)).split('\n')[1]).to.include('-s 198.18.0.66/32 -j DROP');
  });

  it('a rule of ours that somebody removes is back within a second', async () => {
    for (const machine of machines()) {
      const before = await rules(machine);
      await machine.must(['iptables', '--flush', 'DOCKER-USER']);
      await poll(`our rules at ${machine.name}`, 1_000, async () => {
        const ours = (text: string) => text.split('\n').filter((line) => line.includes('homeward'));
        return ours(await rules(machine)).join() === ours(before).join() ? true : undefined;
      });
      // Without Docker's return and the owner's rule, which are theirs to put back.
      await machine.must(['iptables', '--append', 'DOCKER-USER', '--jump', 'RETURN']);
    }
    await lab.relay.must(['iptables', '--insert', ...ban]);
    await expectReal();
  });

  it('a daemon that starts again, after the whole ruleset was lost, finds its own rules, and we find ours', async () => {
    const [relay] = engines;
    await relay?.close();
    await lab.relay.must(['nft', 'flush', 'ruleset']);
    engines[0] = await startEngine(lab.name, lab.relay);
    // Docker sets this policy only where it switched forwarding on itself.
    await lab.relay.must(['iptables', '--policy', 'FORWARD', 'DROP']);
    await lab.relay.must(['iptables', '--insert', ...ban]);
    await poll('a green proof', 10_000, async () => ((await probe(lab.relay)).report.ok ? true : undefined));
    await expectReal();
  });

  it('down takes back what Docker let through for us, and nothing else', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    for (const [index, machine] of machines().entries()) await expectUnchanged(machine, untouched[index] as Snapshot);
  });
});
