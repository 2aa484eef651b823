/** docker/README.md's commands for real machines, typed on two machines of the lab, lead to the proof and back. */
import { expect } from 'chai';
import type { Builder } from '../support/docker/builder.js';
import { type Engine, startEngine } from '../support/docker/engine.js';
import { commandsUnder, sources } from '../support/docker/readme.js';
import { address6, createLab, type Lab } from '../support/lab.js';
import type { Outcome } from '../support/lab-node.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectTcpAt } from '../support/real-client.js';
import { script } from '../support/scripts.js';
import { type Service, startNginx } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectRefused, expectUnchanged } from '../support/tidy.js';

export const describeRealMachines = (builder: () => Builder): Mocha.Suite =>
  describe('on real machines', () => {
    let lab: Lab;
    let relay: Engine;
    let backend: Engine;
    let nginx: Service;
    let untouched: Snapshot[];
    const commands = commandsUnder('Use it on real machines');

    /** The line of README.md with these words. */
    const line = (...words: string[]): string[] => {
      const found = commands.find((command) => words.every((word) => command.includes(word)));
      if (found === undefined) throw new Error(`docker/README.md has no command with ${words.join(' ')}`);
      return found;
    };

    before(async function () {
      this.timeout(300_000);
      for (const target of ['controller', 'agent']) {
        await builder().engine.node.must(['env', `--chdir=${sources}`, ...line('build', target)], {
          timeoutMs: 300_000,
        });
      }
      lab = await createLab();
      nginx = await startNginx(lab.backend, 80);
      [relay, backend] = await Promise.all([startEngine(lab.name, lab.relay), startEngine(lab.name, lab.backend)]);
      await builder().give(['homeward-controller'], relay);
      await builder().give(['homeward-agent'], backend);
      const sshd = lab.relay.spawn(relay.beside(script('services/listener', 'sshd', '0.0.0.0', '22')));
      await sshd.prints(/ready/);
      for (const way of ['--out-interface', '--in-interface']) await lab.relay.must(line('iptables', way));
      untouched = await Promise.all([snapshot(lab.relay), snapshot(lab.backend)]);
    });
    after(async () => {
      await Promise.all([relay?.close(), backend?.close()]);
      await lab?.close();
    });

    const controller = (...args: string[]): Promise<Outcome> =>
      lab.relay.run(['docker', 'exec', 'controller', 'controller', ...args]);

    const proven = (): Promise<true> =>
      poll('a proof', 60_000, async () => {
        const { exitCode, stdout } = await controller('probe');
        if (exitCode !== 0) throw new Error(stdout);
        return true as const;
      });

    it('leads to the proof, and to a service that sees the client', async () => {
      await lab.relay.must(line('run', 'homeward-controller'));
      await poll('the daemon', 20_000, async () => ((await controller('status')).exitCode === 0 ? true : undefined));
      const pair = lab.relay.spawn(line('exec', 'pair'));
      const [token = ''] = await pair.prints(/^hw1_\S+$/m);
      await lab.backend.must(line('run', 'homeward-agent'), { env: { HOMEWARD_TOKEN: token } });
      expect(await pair.ended, `${pair.stdout()}\n${pair.stderr()}`).to.equal(0);
      expect(pair.stdout()).to.match(/real IP proven/);
      await expectTcp(lab, 80, nginx);
      await expectTcpAt(lab, address6.relay, 80, nginx);
    });

    it("never forwards the port of the machine's own SSH", async () => {
      const outcome = await controller('forward', 'add', 'home', '22/tcp', '--take-over');
      expectRefused(outcome, 2, /22\/tcp.*SSH/);
    });

    it('keeps its pairing when a container is made anew', async () => {
      for (const [node, name] of [
        [lab.relay, 'controller'],
        [lab.backend, 'agent'],
      ] as const) {
        await node.must(['docker', 'rm', '--force', name]);
        await node.must(line('run', `homeward-${name}`));
        await proven();
        await expectTcp(lab, 80, nginx);
      }
    });

    it('leaves the machines as they were', async () => {
      for (const [node, name] of [
        [lab.backend, 'agent'],
        [lab.relay, 'controller'],
      ] as const) {
        for (const words of [['update'], ['exec', 'down'], ['wait'], ['rm']]) {
          await node.must(line(...words).map((word) => (word === 'controller' ? name : word)));
        }
        expect(await node.must(['docker', 'ps', '--all', '--quiet'])).to.equal('');
      }
      await Promise.all(
        [lab.relay, lab.backend].map((node, at) => expectUnchanged(node, untouched[at] as Snapshot, 5_000)),
      );
    });
  });
