/** GRE by the kernel, over IPv4 and over IPv6, between machines that reach each other: carries everything, heals, takes packets of the other end only. */
import { expect } from 'chai';
import { expectHealed, pairNew, pairNow, startNow, statusNow } from '../../support/direct.js';
import { homeward } from '../../support/homeward.js';
import { address, createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
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

describe('GRE', () => {
  let lab: Lab;
  /** A machine with public addresses. */
  let open: LabNode;
  /** A machine whose only way out is IPv6. */
  let six: LabNode;
  let relay: { node: LabNode; daemon: Running };
  let services: TunnelServices;
  let found: Snapshot[];

  const snapshots = () => Promise.all([lab.relay, open, six].map(snapshot));

  before(async () => {
    lab = await createLab();
    [open, six] = [lab.relay2, lab.backend];
    // Loaded beforehand, so that the devices a module makes by itself are part of what was there.
    for (const module of ['ip_gre', 'ip6_gre']) await lab.relay.must(['modprobe', module]);
    await six.must('ip route delete default'.split(' '));
    services = await startTunnelServices(open);
    found = await snapshots();
    relay = { node: lab.relay, daemon: await startNow(lab.relay, 'controller') };
    await pairNew(relay, open, 'open', { tunnel: { kind: 'gre' }, forwards: tunnelForwards });
  });
  after(() => lab?.close());

  const tunnelOf = async (name: string) =>
    (await statusNow(lab.relay)).backends.find((backend) => backend.name === name)?.tunnel;

  it('over IPv4 carries both families', async () => {
    expect(await tunnelOf('open')).to.include({ kind: 'gre', implementation: 'kernel', device: 'hwg1', mtu: 1476 });
    await expectCarried(lab, services, { mtu: 1476 });
  });

  it('comes back by itself when its devices were deleted at both ends', async () => {
    await open.must(['ip', 'link', 'delete', 'hw1']);
    await lab.relay.must(['ip', 'link', 'delete', 'hwg1']);
    await expectHealed(lab.relay);
    await expectTcpSeen(lab, address.relay, services);
  });

  it('gets a key while everything runs, and takes no packet of anybody else', async () => {
    await pairNow(lab.relay, 'open', { tunnel: { kind: 'gre', key: 4711 } });
    expect(await tunnelOf('open')).to.include({ mtu: 1472 });
    await expectTcpSeen(lab, address.relay, services);
    const received = async () => {
      const [link] = await open.json<{ stats64: { rx: { packets: number } } }[]>('ip -s -j link show hw1'.split(' '));
      return link?.stats64.rx.packets;
    };
    const { backendAddress = '' } = (await tunnelOf('open')) ?? {};
    const until = await received();
    await lab.client.must(['ip', 'link', 'add', 'fake', 'type', 'gre', 'remote', address.relay2, 'key', '4711']);
    await lab.client.must(['ip', 'link', 'set', 'fake', 'up']);
    await lab.client.must(['ip', 'route', 'add', backendAddress, 'dev', 'fake']);
    const { stdout } = await lab.client.run(['ping', '-c', '2', '-W', '1', backendAddress]);
    expect(stdout).to.match(/2 packets transmitted, 0 received/);
    expect(await received(), 'packets out of the tunnel').to.equal(until);
  });

  it('over IPv6 carries both families, beside the other', async () => {
    const ports = ['8080=80/tcp', '5400=5300/udp'];
    const behind = await startTunnelServices(six);
    await pairNew(relay, six, 'six', { tunnel: { kind: 'gre' }, forwards: ports });
    expect(await tunnelOf('six')).to.include({ kind: 'gre', implementation: 'kernel', device: 'hwg2', mtu: 1456 });
    await expectCarried(lab, behind, { mtu: 1456, tcpPort: 8080, udpPort: 5400 });
  });

  it('leaves nothing', async () => {
    for (const [node, side] of [
      [open, 'agent'],
      [six, 'agent'],
      [lab.relay, 'controller'],
    ] as const) {
      expectDone(await homeward(node, side, ['down']));
    }
    for (const [index, node] of [lab.relay, open, six].entries()) await expectUnchanged(node, found[index] as Snapshot);
  });
});
