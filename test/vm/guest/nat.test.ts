/** Tunnels of a backend behind NAT, one after another on one pairing: the kernel's WireGuard, GRE in UDP, OpenVPN; and what cannot be had. */
import { expect } from 'chai';
import { expectHealed, pairNew, pairNow, probeNow, startNow, statusNow } from '../../support/direct.js';
import { homeward } from '../../support/homeward.js';
import { address, createLab, type Lab, removeIpv6Uplink } from '../../support/lab.js';
import { shareKey, startOpenvpn, vpn } from '../../support/openvpn.js';
import { poll } from '../../support/poll.js';
import type { Running } from '../../support/running.js';
import { type Snapshot, snapshot } from '../../support/snapshot.js';
import { expectDone, expectUnchanged } from '../../support/tidy.js';
import {
  expectCarried,
  expectTcpSeen,
  startTunnelServices,
  type TunnelServices,
  tunnelForwards,
} from '../../support/tunnel-checks.js';

describe('tunnels through NAT', () => {
  let lab: Lab;
  let services: TunnelServices;
  let found: { relay: Snapshot; backend: Snapshot };
  let controller: Running;
  let vpnOfRelay: Running;
  let vpnOfBackend: Running;

  before(async () => {
    lab = await createLab();
    // Loaded beforehand, so that the devices a module makes by itself are part of what was there.
    for (const module of ['ip_gre', 'ip6_gre', 'fou']) await lab.relay.must(['modprobe', module]);
    await removeIpv6Uplink(lab.backend);
    services = await startTunnelServices(lab.backend);
    // Before OpenVPN, whose device gets another link-local address with each start.
    found = { relay: await snapshot(lab.relay), backend: await snapshot(lab.backend) };
    shareKey(lab.relay, lab.backend);
    vpnOfRelay = await startOpenvpn(lab.relay, 'relay', address.relay);
    vpnOfBackend = await startOpenvpn(lab.backend, 'backend', address.relay);
    controller = await startNow(lab.relay, 'controller');
    const relay = { node: lab.relay, daemon: controller };
    await pairNew(relay, lab.backend, 'home', { forwards: tunnelForwards, agentArgs: ['--device', vpn.device] });
  });
  after(() => lab?.close());

  const change = (tunnel: Parameters<typeof pairNow>[2]['tunnel']) =>
    pairNow(lab.relay, 'home', { ...(tunnel === undefined ? {} : { tunnel }) });
  const tunnelNow = async () => (await statusNow(lab.relay)).backends[0]?.tunnel;
  const failureOf = async (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'it went well',
      (error: Error) => error.message,
    );

  /** Before the relay no UDP passes to the port; the other tunnels go on. */
  const wall = async (port: number): Promise<() => Promise<string>> => {
    await lab.internet.must(['nft', 'add table ip wall; add chain ip wall f { type filter hook forward priority 0; }']);
    await lab.internet.must(['nft', `add rule ip wall f udp dport ${port} drop`]);
    return () => lab.internet.must(['nft', 'delete table ip wall']);
  };

  it("begin with the kernel's WireGuard", async () => {
    expect(await tunnelNow()).to.include({ kind: 'wireguard', implementation: 'kernel', device: 'hw0', mtu: 1420 });
    await expectCarried(lab, services, { mtu: 1420 });
  });

  it('are not GRE, which is refused before anything changes', async () => {
    expect(await failureOf(change({ kind: 'gre' }))).to.match(/behind NAT.*the wireguard tunnel is back as it was/s);
    expect(await tunnelNow()).to.include({ kind: 'wireguard' });
    await expectTcpSeen(lab, address.relay, services);
  });

  it('go back to what they were when the new one does not prove itself', async () => {
    const tearDown = await wall(7700);
    expect(await failureOf(change({ kind: 'gre', udp: true }))).to.match(/the wireguard tunnel is back as it was/);
    expect(await tunnelNow()).to.include({ kind: 'wireguard', device: 'hw0' });
    await expectTcpSeen(lab, address.relay, services);
    await tearDown();
  });

  it('go back also when the daemon is killed in the middle of a change', async () => {
    const tearDown = await wall(7700);
    const changing = failureOf(change({ kind: 'gre', udp: true }));
    await poll('the new tunnel', 20_000, async () => ((await tunnelNow())?.device === 'hwg1' ? true : undefined));
    await controller.kill('SIGKILL');
    await changing;
    controller = await startNow(lab.relay, 'controller');
    await expectHealed(lab.relay, 60_000);
    expect(await tunnelNow()).to.include({ kind: 'wireguard', device: 'hw0' });
    await tearDown();
  });

  it('become GRE in UDP, which carries both families', async () => {
    await change({ kind: 'gre', udp: true });
    expect(await tunnelNow()).to.include({ kind: 'gre', implementation: 'kernel', device: 'hwg1', mtu: 1464 });
    await expectCarried(lab, services, { mtu: 1464 });
  });

  it('are followed when the NAT gives them other ports', async () => {
    const mapped = async () => ((await tunnelNow()) as unknown as { outer: { port: number } }).outer.port;
    const formerly = await mapped();
    await lab.home.must(['nft', 'delete table ip home']);
    const chain = '{ type nat hook postrouting priority srcnat; }';
    await lab.home.must(['nft', `add table ip home; add chain ip home post ${chain}`]);
    await lab.home.must(['nft', 'add rule ip home post oifname "wan" udp sport 7701 masquerade to :20000-20100']);
    await lab.home.must(['nft', 'add rule ip home post oifname "wan" masquerade']);
    await lab.home.must(['conntrack', '-D', '-p', 'udp', '--orig-port-src', '7701']);
    await poll('another mapped port', 30_000, async () => ((await mapped()) === formerly ? undefined : true));
    await expectHealed(lab.relay);
    await expectTcpSeen(lab, address.relay, services);
  });

  it("become OpenVPN, whose device is the owners'", async () => {
    await change({ kind: 'external', device: vpn.device });
    expect(await tunnelNow()).to.include({ kind: 'external', implementation: null, device: vpn.device });
    await expectCarried(lab, services, { mtu: 1500 });
  });

  it('are proven again, without a command, when OpenVPN was gone and has come back', async () => {
    await vpnOfBackend.kill();
    expect((await probeNow(lab.relay)).ok).to.equal(false);
    vpnOfBackend = await startOpenvpn(lab.backend, 'backend', address.relay);
    await expectHealed(lab.relay);
    await expectTcpSeen(lab, address.relay, services);
  });

  it('leave nothing', async () => {
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    await Promise.all([vpnOfRelay.kill('SIGTERM'), vpnOfBackend.kill('SIGTERM')]);
    await expectUnchanged(lab.backend, found.backend);
    await expectUnchanged(lab.relay, found.relay);
  });
});
