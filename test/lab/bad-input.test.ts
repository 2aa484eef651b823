/** What is wrong is said in one message with the documented exit code, and nothing changes. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { expect } from 'chai';
import { controllerStatus, homeward, startDaemon } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { RunOptions } from '../support/lab-node.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { startListener } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectRefused, expectUnchanged } from '../support/tidy.js';

const nobody = 65_534;

interface Case {
  readonly title: string;
  readonly args: readonly string[];
  readonly exitCode: number;
  readonly message: RegExp;
}

const pairWith = (spec: string): string[] => ['pair', 'home', '--no-wait', '--forward', spec];

const withDaemon: readonly Case[] = [
  { title: 'port 70000', args: pairWith('70000/tcp'), exitCode: 2, message: /70000/ },
  { title: 'a missing protocol', args: pairWith('443'), exitCode: 2, message: /443\/tcp/ },
  { title: 'a protocol nobody knows', args: pairWith('443/sctp'), exitCode: 2, message: /sctp/ },
  { title: 'ranges of unequal length', args: pairWith('8000-8099=9000-9050/tcp'), exitCode: 2, message: /8000-8099/ },
  { title: "a backend's name with a slash", args: ['pair', '../x', '--no-wait'], exitCode: 2, message: /name/i },
  {
    title: 'an unknown backend in forward',
    args: ['forward', 'add', 'nobody', '80/tcp'],
    exitCode: 2,
    message: /nobody/,
  },
  { title: 'an unknown backend in unpair', args: ['unpair', 'nobody'], exitCode: 2, message: /nobody/ },
  { title: 'an unknown backend in probe', args: ['probe', 'nobody'], exitCode: 2, message: /nobody/ },
  { title: 'an unknown backend in status', args: ['status', 'nobody'], exitCode: 2, message: /nobody/ },
  { title: 'an unknown command', args: ['frobnicate'], exitCode: 2, message: /frobnicate/ },
  { title: 'an unknown option', args: ['status', '--frobnicate'], exitCode: 2, message: /frobnicate/ },
  { title: "SSH's port", args: pairWith('22/tcp'), exitCode: 2, message: /ssh/i },
  { title: "a range over SSH's port", args: pairWith('20-30/tcp'), exitCode: 2, message: /ssh/i },
  { title: 'the control port', args: pairWith('7700/tcp'), exitCode: 2, message: /control/i },
  { title: "the tunnel's port", args: pairWith('51820/udp'), exitCode: 2, message: /51820/ },
  { title: 'a port on which the relay listens', args: pairWith('8443/tcp'), exitCode: 2, message: /webserver/ },
];

describe('bad input', () => {
  let lab: Lab;
  let found: Snapshot;

  const controller = (args: readonly string[], options?: RunOptions) =>
    homeward(lab.relay, 'controller', args, options);
  const agent = (args: readonly string[], options?: RunOptions) => homeward(lab.backend, 'agent', args, options);

  describe('with a controller running', () => {
    useLab(async () => {
      await Promise.all([startListener(lab.relay, 'sshd', 22), startListener(lab.relay, 'webserver', 8443)]);
      await startDaemon(lab.relay, 'controller');
    });

    for (const { title, args, exitCode, message } of withDaemon) {
      it(`${title} is refused with exit code ${exitCode}`, async () => {
        expectRefused(await controller(args), exitCode, message);
        await expectUnchanged(lab.relay, found);
      });
    }

    it('a port on which the relay listens can be taken over when asked for', async () => {
      expectDone(await controller([...pairWith('8443/tcp'), '--take-over']));
      expectDone(await controller(['unpair', 'home']));
    });

    it('a second controller is refused', async () => {
      const outcome = await controller(['serve']);
      expect(outcome.exitCode, outcome.stderr).not.to.equal(0);
      expect(outcome.stderr).to.match(/already|another|running/i);
      await expectUnchanged(lab.relay, found);
    });

    it('a token that was damaged on the way is refused', async () => {
      const pairing = startPair(lab.relay, 'damaged', ['81/tcp']);
      const token = await tokenOf(pairing);
      const damaged = `${token.slice(0, 40)}${token[40] === 'A' ? 'B' : 'A'}${token.slice(41)}`;
      expectRefused(await agent(['enroll'], { input: damaged }), 2, /token/i);
      await pairing.process.kill('SIGINT');
      expectDone(await controller(['unpair', 'damaged']));
      await expectUnchanged(lab.relay, found);
    });

    it('a token that was revoked is refused with exit code 1', async () => {
      const first = startPair(lab.relay, 'late', ['82/tcp']);
      const revoked = await tokenOf(first);
      await first.process.kill('SIGINT');
      const second = startPair(lab.relay, 'late', ['82/tcp']);
      await tokenOf(second);
      expectRefused(await agent(['enroll'], { input: revoked }), 1, /token/i);
      expect(await second.process.kill('SIGINT')).to.equal(130);
      expectDone(await controller(['unpair', 'late']));
    });

    it('a backend that does not come in time is exit code 1, and stays awaited', async () => {
      expectRefused(await controller(['pair', 'absent', '--timeout', '1s']), 1, /absent/);
      expect((await controllerStatus(lab.relay)).backends.map(({ name, state }) => ({ name, state }))).to.deep.include({
        name: 'absent',
        state: 'waiting',
      });
      expectDone(await controller(['unpair', 'absent']));
    });

    it('a token as argument is refused without being repeated', async () => {
      const outcome = await agent(['enroll', 'hw1_c2VjcmV0LXNlY3JldA']);
      expectRefused(outcome, 2, /stdin|token-file|HOMEWARD_TOKEN/);
      expect(outcome.stderr).not.to.include('c2VjcmV0');
    });
  });

  describe('without a daemon', () => {
    useLab(async () => undefined);

    for (const args of [['status'], ['probe'], ['pair', 'home', '--forward', '80/tcp'], ['unpair', 'home']]) {
      it(`controller ${args[0]} says how to start it, exit code 3`, async () => {
        expectRefused(await controller(args), 3, /serve|systemctl/);
      });
    }

    it('agent status says how to start it, exit code 3', async () => {
      expectRefused(await agent(['status']), 3, /agent run|systemctl/);
    });

    it('agent run without a token says how to get one, exit code 2', async () => {
      expectRefused(await agent(['run']), 2, /token|pair/i);
    });

    it('something that is no token is refused', async () => {
      expectRefused(await agent(['enroll'], { input: 'let me in\n' }), 2, /token/i);
    });

    it('a user who is not root is refused with exit code 4', async () => {
      expectRefused(await controller(['serve'], { uid: nobody }), 4, /root|permission/i);
      await expectUnchanged(lab.relay, found);
    });

    it('a machine without nft is refused with exit code 4, naming it', async () => {
      const bin = '/run/bin-without-nft';
      mkdirSync(lab.relay.file(bin));
      for (const tool of ['ip', 'wg', 'wireguard-go', 'ss', 'sysctl', 'conntrack', 'stdbuf', 'nsenter', 'unshare']) {
        const path = (await lab.relay.must(['which', tool])).trim();
        symlinkSync(path, lab.relay.file(`${bin}/${tool}`));
      }
      expectRefused(await controller(['serve'], { env: { PATH: bin }, timeoutMs: 10_000 }), 4, /nft/);
      await expectUnchanged(lab.relay, found);
    });
  });

  /** A lab of its own for a describe block, with a snapshot of the relay after `prepare`. */
  function useLab(prepare: () => Promise<unknown>): void {
    before(async () => {
      lab = await createLab();
      await prepare();
      found = await snapshot(lab.relay);
    });
    after(() => lab?.close());
  }
});
