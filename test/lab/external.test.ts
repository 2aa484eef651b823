/** Tunnels that somebody else makes: a real OpenVPN, and a network that several machines share. The device is theirs, and stays as it was. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward, probe, start, startDaemon } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { shareKey, startOpenvpn, vpn } from '../support/openvpn.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectRefused, expectUnchanged } from '../support/tidy.js';

const forwards = ['80/tcp', '5300/udp', '5301/udp'];

/** `pair --tunnel external` and `enroll --device` until all is proven. */
const pairOver = async (lab: Lab, device: string): Promise<void> => {
  await startDaemon(lab.relay, 'controller');
  const pairing = startPair(lab.relay, 'home', forwards, ['--tunnel', 'external', '--device', device]);
  const enrolled = await homeward(lab.backend, 'agent', ['enroll', '--device', device], {
    input: `${await tokenOf(pairing)}\n`,
  });
  expectDone(enrolled);
  start(lab.backend, 'agent', ['run']);
  expect(await pairing.process.ended, `${pairing.process.stdout()}\n${pairing.process.stderr()}`).to.equal(0);
};

describe('an external tunnel', () => {
  let lab: Lab;
  let nginx: Service;
  let wildcard: Service;
  let before: { relay: Snapshot; backend: Snapshot };

  const startServices = async (boundTo: string): Promise<Service> => {
    [nginx, wildcard] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    const bound = await startUdpEcho(lab.backend, 5301, boundTo);
    before = { relay: await snapshot(lab.relay), backend: await snapshot(lab.backend) };
    return bound;
  };

  const expectBothDown = async (): Promise<void> => {
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    await expectUnchanged(lab.backend, before.backend);
    await expectUnchanged(lab.relay, before.relay);
  };

  beforeEach(async () => {
    lab = await createLab();
  });
  afterEach(() => lab?.close());

  describe('by OpenVPN', () => {
    let bound: Service;

    beforeEach(async () => {
      shareKey(lab.relay, lab.backend);
      await startOpenvpn(lab.relay, 'relay', address.relay);
      await startOpenvpn(lab.backend, 'backend', address.relay);
      bound = await startServices(vpn.backend.ipv4);
      await pairOver(lab, vpn.device);
    });

    it('shows services the client in both families, and leaves the device as it was', async () => {
      for (const host of [address.relay, address6.relay]) {
        await expectTcpAt(lab, host, 80, nginx);
        await expectUdpAt(lab, host, 5300, wildcard);
      }
      await expectUdpAt(lab, address.relay, 5301, bound);
      const [home] = (await controllerStatus(lab.relay)).backends;
      expect(home?.tunnel).to.include({
        kind: 'external',
        implementation: null,
        device: vpn.device,
        relayAddress: vpn.relay.ipv4,
        backendAddress: vpn.backend.ipv4,
        backendAddress6: vpn.backend.ipv6,
      });
      expect((await agentStatus(lab.backend)).relays[0]?.tunnel).to.include({ kind: 'external', device: vpn.device });
      await expectBothDown();
    });

    it('leaves those who meet on the device alone', async () => {
      const neighbour = await startNginx(lab.backend, 8080);
      const { errors, localPorts } = await tcpGet(lab.relay, vpn.backend.ipv4, 8080);
      expect(errors).to.deep.equal([]);
      expect(neighbour.seen()).to.include(`${vpn.relay.ipv4}:${localPorts[0]}`);
    });

    it('is whole again by itself when OpenVPN comes back, at either end', async () => {
      const restart = async (node: LabNode, end: 'relay' | 'backend') => {
        for (const pid of (
          await node.must(['pgrep', '-x', 'openvpn', '--ns', String(node.pid), '--nslist', 'net'])
        ).split('\n')) {
          await node.must(['kill', pid]);
        }
        await poll(`the end of ${vpn.device} at ${node.name}`, 10_000, async () =>
          (await node.run(['ip', 'link', 'show', 'dev', vpn.device])).exitCode === 0 ? undefined : true,
        );
        expect((await probe(lab.relay)).exitCode, 'without the tunnel').to.equal(1);
        await startOpenvpn(node, end, address.relay);
        await poll('a green proof', 20_000, async () => ((await probe(lab.relay)).exitCode === 0 ? true : undefined));
        await expectTcpAt(lab, address.relay, 80, nginx);
        await expectUdpAt(lab, address6.relay, 5300, wildcard);
      };
      await restart(lab.backend, 'backend');
      await restart(lab.relay, 'relay');
    });
  });

  describe('by a network that several machines share', () => {
    beforeEach(async () => {
      // As a VLAN or ZeroTier would be: the next machine has to be named.
      await lab.relay.must(`ip link add lan0 type veth peer name lan0 netns ${lab.backend.pid}`.split(' '));
      for (const [node, own] of [
        [lab.relay, '10.201.0.1'],
        [lab.backend, '10.201.0.2'],
      ] as const) {
        await node.must(['ip', 'address', 'add', `${own}/24`, 'dev', 'lan0']);
        await node.must(['ip', 'link', 'set', 'lan0', 'up']);
      }
      const ready = (node: LabNode) =>
        poll(`lan0 of ${node.name}`, 5_000, async () =>
          (await node.must('ip -6 route show table local dev lan0'.split(' '))).includes('local fe80')
            ? true
            : undefined,
        );
      await Promise.all([lab.relay, lab.backend].map(ready));
    });

    it('shows services the client, by IPv4 where it carries nothing else', async () => {
      const bound = await startServices('10.201.0.2');
      await pairOver(lab, 'lan0');
      await expectTcpAt(lab, address.relay, 80, nginx);
      await expectUdpAt(lab, address.relay, 5300, wildcard);
      await expectUdpAt(lab, address.relay, 5301, bound);
      expect(await lab.backend.must('ip route show table 7701'.split(' '))).to.match(
        /default via 10\.201\.0\.1 dev lan0/,
      );
      expect((await tcpGet(lab.client, address6.relay, 80)).errors.join()).to.match(/ECONNREFUSED/);
      await expectBothDown();
    });

    it('is what a live pairing can change to, and back', async () => {
      await startServices('10.201.0.2');
      await startDaemon(lab.relay, 'controller');
      const pairing = startPair(lab.relay, 'home', ['80/tcp', '5300/udp']);
      expectDone(await homeward(lab.backend, 'agent', ['enroll'], { input: `${await tokenOf(pairing)}\n` }));
      start(lab.backend, 'agent', ['run']);
      expect(await pairing.process.ended).to.equal(0);
      const change = (...args: string[]) => homeward(lab.relay, 'controller', ['pair', 'home', '--tunnel', ...args]);

      const untold = await change('external', '--device', 'lan0');
      expectRefused(untold, 1, /not told which of its devices.*; the wireguard tunnel is back as it was/s);
      await expectTcpAt(lab, address.relay, 80, nginx);

      expectDone(await homeward(lab.backend, 'agent', ['device', 'lan0']));
      expectDone(await change('external', '--device', 'lan0'));
      expect((await controllerStatus(lab.relay)).backends[0]?.tunnel?.device).to.equal('lan0');
      await expectTcpAt(lab, address.relay, 80, nginx);
      await expectUdpAt(lab, address.relay, 5300, wildcard);

      // Something stands in the way of the new tunnel: it does not prove itself, and is undone.
      await lab.relay.must([
        'nft',
        'add table ip wall; add chain ip wall in { type filter hook input priority -300; }',
      ]);
      await lab.relay.must(['nft', 'add rule ip wall in udp dport 51820 drop']);
      expectRefused(await change('wireguard'), 1, /the external \(lan0\) tunnel is back as it was/);
      await expectTcpAt(lab, address.relay, 80, nginx);
      await lab.relay.must(['nft', 'delete table ip wall']);

      expectDone(await change('wireguard'));
      await expectTcpAt(lab, address.relay, 80, nginx);
      await expectBothDown();
    });
  });
});
