/** GRE by the kernel: over IPv4, over IPv6, in UDP through a NAT; filtered to the other end; changed while everything runs. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward, start, startDaemon } from '../../support/homeward.js';
import { address, address6, createLab, type Lab, removeIpv6Uplink } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { startPair, tokenOf } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { expectTcp } from '../../support/real-client.js';
import { snapshot } from '../../support/snapshot.js';
import { expectDone, expectRefused, expectUnchanged } from '../../support/tidy.js';
import {
  expectCarried,
  expectHealed,
  startTunnelServices,
  type TunnelServices,
  tunnelForwards,
} from '../../support/tunnel-checks.js';

/** Loaded beforehand, so that the devices a module makes by itself are part of what was there. */
const modules = ['ip_gre', 'ip6_gre', 'fou'];

describe('GRE', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab();
    for (const module of modules) await lab.relay.must(['modprobe', module]);
  });
  afterEach(() => lab?.close());

  /** `pair` with these options until the end, the backend enrolled and running. */
  const pairBy = async (backend: LabNode, ...options: string[]) => {
    const daemon = await startDaemon(lab.relay, 'controller');
    const pairing = startPair(lab.relay, 'home', tunnelForwards, options);
    expectDone(await homeward(backend, 'agent', ['enroll'], { input: `${await tokenOf(pairing)}\n` }));
    const agent = start(backend, 'agent', ['run']);
    const code = await pairing.process.ended;
    expect(
      code,
      `${pairing.process.stdout()}\n${pairing.process.stderr()}\n${daemon.stderr()}\n${agent.stderr()}`,
    ).to.equal(0);
    return agent;
  };

  const expectTunnel = async (backend: LabNode, expected: Record<string, unknown>): Promise<void> => {
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home?.tunnel).to.include({ kind: 'gre', implementation: 'kernel', device: 'hwg1', ...expected });
    const [relay] = (await agentStatus(backend)).relays;
    expect(relay?.tunnel).to.include({ kind: 'gre', implementation: 'kernel', device: 'hw1', ...expected });
  };

  const expectBothDown = async (
    backend: LabNode,
    before: { relay: Awaited<ReturnType<typeof snapshot>>; backend: Awaited<ReturnType<typeof snapshot>> },
  ) => {
    expectDone(await homeward(backend, 'agent', ['down']));
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    await expectUnchanged(backend, before.backend);
    await expectUnchanged(lab.relay, before.relay);
  };

  const both = async (backend: LabNode) => ({ relay: await snapshot(lab.relay), backend: await snapshot(backend) });

  it('over IPv4 carries everything, heals, and leaves nothing', async () => {
    const backend = lab.relay2;
    const services = await startTunnelServices(backend);
    const before = await both(backend);
    await pairBy(backend, '--tunnel', 'gre');
    await expectTunnel(backend, { mtu: 1476 });
    await expectCarried(lab, backend, services, { mtu: 1476 });
    await backend.must(['ip', 'link', 'delete', 'hw1']);
    await lab.relay.must(['ip', 'link', 'delete', 'hwg1']);
    await expectHealed(lab);
    await expectTcp(lab, 80, services.nginx);
    await expectBothDown(backend, before);
  });

  it('with a key takes no packets without it, nor from elsewhere', async () => {
    const backend = lab.relay2;
    await startTunnelServices(backend);
    await pairBy(backend, '--tunnel', 'gre', '--key', '4711');
    await expectTunnel(backend, { mtu: 1472 });
    const forged = async (node: LabNode, name: string, ...key: string[]): Promise<boolean> => {
      const link = ['ip', 'link', 'add', name, 'type', 'gre', 'local', 'any', 'remote', address.relay2, ...key];
      await node.must(link);
      await node.must(['ip', 'link', 'set', name, 'up']);
      const { backendAddress = '' } = (await controllerStatus(lab.relay)).backends[0]?.tunnel ?? {};
      await node.must(['ip', 'route', 'add', backendAddress, 'dev', name]);
      const { exitCode } = await node.run(['ping', '-c', '2', '-W', '1', backendAddress]);
      await node.must(['ip', 'link', 'delete', name]);
      return exitCode === 0;
    };
    expect(await forged(lab.client, 'fake', 'key', '4711'), 'from another address, with the key').to.equal(false);
    const before = await backend.must(['ip', '-s', '-j', 'link', 'show', 'hw1']);
    await forged(lab.client, 'fake2', 'key', '4711');
    const received = (text: string) =>
      (JSON.parse(text) as { stats64: { rx: { packets: number } } }[])[0]?.stats64.rx.packets;
    expect(received(await backend.must(['ip', '-s', '-j', 'link', 'show', 'hw1']))).to.equal(received(before));
  });

  it('over IPv6 carries both families', async () => {
    const backend = lab.backend;
    const services = await startTunnelServices(backend);
    const before = await both(backend);
    await startDaemon(lab.relay, 'controller', ['--endpoint', `ws://[${address6.relay}]:7700`]);
    const pairing = startPair(lab.relay, 'home', tunnelForwards, ['--tunnel', 'gre']);
    expectDone(await homeward(backend, 'agent', ['enroll'], { input: `${await tokenOf(pairing)}\n` }));
    start(backend, 'agent', ['run']);
    expect(await pairing.process.ended, `${pairing.process.stdout()}\n${pairing.process.stderr()}`).to.equal(0);
    await expectTunnel(backend, { mtu: 1456 });
    await expectCarried(lab, backend, services, { mtu: 1456 });
    await expectBothDown(backend, before);
  });

  it('is refused behind NAT, where GRE in UDP passes', async () => {
    const backend = lab.backend;
    await removeIpv6Uplink(backend);
    const services = await startTunnelServices(backend);
    const before = await both(backend);
    await startDaemon(lab.relay, 'controller');
    const pairing = startPair(lab.relay, 'home', tunnelForwards, ['--tunnel', 'gre']);
    expectDone(await homeward(backend, 'agent', ['enroll'], { input: `${await tokenOf(pairing)}\n` }));
    start(backend, 'agent', ['run']);
    expect(await pairing.process.ended).to.equal(2);
    expect(pairing.process.stderr()).to.match(/is behind NAT: .*--tunnel gre --udp/s);

    expectDone(await homeward(lab.relay, 'controller', ['pair', 'home', '--tunnel', 'gre', '--udp']));
    await expectTunnel(backend, { mtu: 1464 });
    await expectCarried(lab, backend, services, { mtu: 1464 });

    // The NAT forgets everything, and gives other ports from now on.
    const port = async () =>
      (await controllerStatus(lab.relay)).backends[0]?.tunnel as unknown as { outer: { port: number } };
    const { outer: formerly } = await port();
    await lab.home.must(['nft', 'flush', 'ruleset']);
    await lab.home.must([
      'nft',
      'add table ip home; add chain ip home post { type nat hook postrouting priority srcnat; }',
    ]);
    await lab.home.must(['nft', 'add rule ip home post oifname "wan" udp sport 7701 masquerade to :20000-20100']);
    await lab.home.must(['nft', 'add rule ip home post oifname "wan" masquerade']);
    await lab.home.must(['conntrack', '-F']);
    await poll('another mapped port', 60_000, async () => {
      const { outer } = await port();
      return outer.port !== formerly.port ? true : undefined;
    });
    await expectHealed(lab);
    await expectTcp(lab, 80, services.nginx);
    await expectBothDown(backend, before);
  });

  it('is what a live pairing can change to; what does not prove itself is undone', async () => {
    const backend = lab.backend;
    await removeIpv6Uplink(backend);
    const services: TunnelServices = await startTunnelServices(backend);
    await pairBy(backend);
    const change = (...args: string[]) => homeward(lab.relay, 'controller', ['pair', 'home', '--tunnel', ...args]);
    expectRefused(await change('gre'), 1, /behind NAT.*the wireguard tunnel is back as it was/s);
    await expectTcp(lab, 80, services.nginx);

    // A firewall before the relay lets no UDP in but WireGuard's.
    await lab.internet.must(['nft', 'add table ip wall; add chain ip wall f { type filter hook forward priority 0; }']);
    await lab.internet.must(['nft', 'add rule ip wall f udp dport 7700 drop']);
    expectRefused(await change('gre', '--udp'), 1, /the wireguard tunnel is back as it was/);
    await expectTcp(lab, 80, services.nginx);
    expect((await controllerStatus(lab.relay)).backends[0]?.tunnel).to.include({ kind: 'wireguard', device: 'hw0' });
    await lab.internet.must(['nft', 'delete table ip wall']);

    expectDone(await change('gre', '--udp'));
    await expectTunnel(backend, { mtu: 1464 });
    await expectTcp(lab, 80, services.nginx);
    expectDone(await change('wireguard'));
    await expectTcp(lab, 80, services.nginx);
  });

  it('is undone when the daemon is killed in the middle of a change', async () => {
    const backend = lab.backend;
    await removeIpv6Uplink(backend);
    const services = await startTunnelServices(backend);
    await pairBy(backend);
    await lab.internet.must(['nft', 'add table ip wall; add chain ip wall f { type filter hook forward priority 0; }']);
    await lab.internet.must(['nft', 'add rule ip wall f udp dport 7700 drop']);
    const changing = start(lab.relay, 'controller', ['pair', 'home', '--tunnel', 'gre', '--udp']);
    await poll('the new tunnel', 20_000, async () => {
      const [home] = (await controllerStatus(lab.relay)).backends;
      return home?.tunnel?.device === 'hwg1' ? true : undefined;
    });
    const pids = (
      await lab.relay.must(['pgrep', '-f', 'controller.js serve', '--ns', String(lab.relay.pid), '--nslist', 'net'])
    ).split('\n');
    for (const pid of pids) await lab.relay.must(['kill', '-KILL', pid]);
    await changing.ended;
    await startDaemon(lab.relay, 'controller');
    await expectHealed(lab);
    expect((await controllerStatus(lab.relay)).backends[0]?.tunnel).to.include({ kind: 'wireguard' });
    await expectTcp(lab, 80, services.nginx);
  });
});
