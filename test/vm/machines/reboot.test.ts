/**
 * Reboots of relay and backend, each with the units that `controller install` and `agent enroll` made: afterwards
 * clients reach the service under their real address, and nobody has touched anything.
 */
import { expect } from 'chai';
import { endpoint } from '../../support/endpoint.js';
import { command, controllerStatus } from '../../support/homeward.js';
import { address, address6 } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { provenInTheEnd, startPair, tokenOf } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { tcpGet, udpAsk } from '../../support/scripts.js';
import { startPersistentEcho, startPersistentNginx } from '../../support/vm/persistent-services.js';
import type { Vm } from '../../support/vm/vm.js';
import { createVmLab, type VmLab } from '../../support/vm/vm-lab.js';

/** From switching on to traffic; of an emulated machine, twelve times as long. */
const returnLimitMs = 20_000;

describe('reboots', () => {
  let lab: VmLab;

  before(async () => {
    lab = await createVmLab();
    await Promise.all([
      startPersistentNginx(lab.backend, 80),
      startPersistentEcho(lab.backend, 5300),
      lab.relay.must(command('controller', ['install'])),
    ]);
    const pairing = startPair(lab.relay, 'home', ['80/tcp', '5300/udp']);
    await lab.backend.must(command('agent', ['enroll']), { input: `${await tokenOf(pairing)}\n` });
    expect(await pairing.process.ended, `${pairing.process.stdout()}\n${pairing.process.stderr()}`).to.equal(0);
  });
  after(() => lab?.close());

  const clientOf = (host: string): string => (host === address.relay ? address.client : address6.client);

  /** A datagram of the client came to the service from the client, and the answer came back. */
  const udpFlows = async (host: string): Promise<boolean> => {
    const { localPort, reply } = await udpAsk(lab.client, host, 5300, 1);
    return reply === endpoint(clientOf(host), localPort);
  };

  const expectRealClients = async (): Promise<void> => {
    for (const host of [address.relay, address6.relay]) {
      const { localPorts, replies, errors } = await tcpGet(lab.client, host, 80);
      expect({ replies, errors }).to.deep.equal({ replies: [`${clientOf(host)} ${localPorts[0]}`], errors: [] });
      await poll(`a datagram to ${host} and back`, 5_000, async () => ((await udpFlows(host)) ? true : undefined));
    }
  };

  /** Boots the machines and waits for traffic; tells the time since the last one's kernel started. */
  const bootUntilTraffic = async (what: string, ...machines: readonly Vm[]): Promise<void> => {
    const traffic = poll('traffic with the real address', returnLimitMs, async () =>
      (await udpFlows(address.relay)) ? Date.now() : undefined,
    );
    const starts = await Promise.all(machines.map((vm) => vm.boot()));
    const here = ((await traffic) - Math.max(...starts)) / 1000;
    const there = Math.min(...(await Promise.all(machines.map((vm) => vm.uptimeSeconds()))));
    process.stdout.write(
      `  ${what}: ${there.toFixed(1)} s from the kernel's start to the first proven packet (${here.toFixed(1)} s emulated)\n`,
    );
    await expectRealClients();
    await provenInTheEnd(lab.relay, ['home', '--forward', '80/tcp']);
  };

  /** All of it stands in the kernel without a word from the other side. */
  const expectDataPlane = (node: LabNode, table: string, link: string): Promise<true> =>
    poll<true>(`the data plane of ${node.name}`, 10_000, async () => {
      const [rules, links, policy] = await Promise.all([
        node.run(['nft', 'list', 'table', 'inet', table]),
        node.run(['wg', 'show', link, 'peers']),
        node.must(['ip', 'rule']),
      ]);
      const isThere = rules.exitCode === 0 && links.exitCode === 0 && links.stdout !== '';
      return isThere && (link === 'hw0' || policy.includes('lookup 7701')) ? true : undefined;
    });

  it("begin with traffic over the kernel's WireGuard", async () => {
    const { backends } = await controllerStatus(lab.relay);
    expect(backends.map(({ state, tunnel }) => ({ state, kind: tunnel?.implementation }))).to.deep.equal([
      { state: 'online', kind: 'kernel' },
    ]);
    await expectRealClients();
  });

  it('of the backend', async () => {
    await lab.vms.backend.shutDown('reboot');
    await bootUntilTraffic('the backend rebooted', lab.vms.backend);
  });

  it('of the relay', async () => {
    await lab.vms.relay.shutDown('reboot');
    await bootUntilTraffic('the relay rebooted', lab.vms.relay);
  });

  it('of both at once, by a loss of power', async () => {
    await Promise.all([lab.vms.relay.cut(), lab.vms.backend.cut()]);
    await bootUntilTraffic('both lost their power', lab.vms.relay, lab.vms.backend);
  });

  it('of the backend while the relay is off: its data plane is there before the relay is', async () => {
    await Promise.all([lab.vms.relay.shutDown('poweroff'), lab.vms.backend.shutDown('reboot')]);
    await lab.vms.backend.boot();
    await expectDataPlane(lab.backend, 'homeward_backend', 'hw1');
    await bootUntilTraffic('the relay came after the backend', lab.vms.relay);
  });

  it('of the relay while the backend is off: its data plane is there before the backend is', async () => {
    await Promise.all([lab.vms.backend.shutDown('poweroff'), lab.vms.relay.shutDown('reboot')]);
    await lab.vms.relay.boot();
    await expectDataPlane(lab.relay, 'homeward_relay', 'hw0');
    await bootUntilTraffic('the backend came after the relay', lab.vms.backend);
  });
});
