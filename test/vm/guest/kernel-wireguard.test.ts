/** The main job over the kernel's own WireGuard: proven, healed after damage, and gone without a trace. */
import { release } from 'node:os';
import { expect } from 'chai';
import { expectHealed } from '../../support/direct.js';
import { agentStatus, controllerStatus, homeward } from '../../support/homeward.js';
import { address, address6, createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { pairUp, provenInTheEnd } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { startUdpEcho } from '../../support/services.js';
import { type Snapshot, snapshot } from '../../support/snapshot.js';
import { expectDone, expectUnchanged } from '../../support/tidy.js';
import {
  expectCarried,
  expectTcpSeen,
  expectUdpSeen,
  startTunnelServices,
  type TunnelServices,
} from '../../support/tunnel-checks.js';

const forwards = ['80/tcp', '5300/udp', '5301/udp'];
const hosts = [address.relay, address6.relay];

describe("over the kernel's WireGuard", () => {
  let lab: Lab;
  let found: readonly (readonly [LabNode, Snapshot])[];
  let services: TunnelServices;

  before(async () => {
    lab = await createLab();
    services = await startTunnelServices(lab.backend);
    const shotOf = async (node: LabNode) => [node, await snapshot(node)] as const;
    found = await Promise.all([lab.relay, lab.backend].map(shotOf));
    await pairUp(lab, { forwards });
  });
  after(() => lab?.close());

  const expectRealClients = async (): Promise<void> => {
    for (const host of hosts) {
      await expectTcpSeen(lab, host, services);
      await expectUdpSeen(lab, host);
    }
  };

  it("runs on Debian's own kernel", () => {
    expect(release()).to.match(/-amd64$/);
  });

  it('says so on both sides', async () => {
    const [{ backends }, { relays }] = await Promise.all([controllerStatus(lab.relay), agentStatus(lab.backend)]);
    expect(backends.map(({ tunnel }) => tunnel?.implementation)).to.deep.equal(['kernel']);
    expect(relays.map(({ tunnel }) => tunnel?.implementation)).to.deep.equal(['kernel']);
    for (const [node, link] of [
      [lab.relay, 'hw0'],
      [lab.backend, 'hw1'],
    ] as const) {
      const shown = await node.json<{ linkinfo: { info_kind: string } }[]>(['ip', '-j', '-d', 'link', 'show', link]);
      expect(shown[0]?.linkinfo.info_kind).to.equal('wireguard');
    }
  });

  it('shows a UDP service bound to the tunnel address the client', async () => {
    const bound = (await controllerStatus(lab.relay)).backends[0]?.tunnel?.backendAddress;
    await startUdpEcho(lab.backend, 5301, bound);
    await poll('the service to be found at its address', 10_000, async () => {
      await expectUdpSeen(lab, address.relay, { publicPort: 5301 });
      return true;
    });
  });

  it('carries all of both families: TCP, UDP, large ones, right MSS', () =>
    expectCarried(lab, services, { mtu: 1420 }));

  it('is proven by the link that packets really took', async () => {
    const { results } = await provenInTheEnd(lab.relay, ['home', '--forward', '80/tcp']);
    expect(results.map(({ family }) => family)).to.have.members(['ipv4', 'ipv6']);
    for (const result of results) {
      expect(result).to.include({ service: 'answered', arrivedOn: 'hw1', leftOn: 'hw1', seen: result.client });
    }
  });

  for (const [what, damage] of [
    ["the backend's link is deleted", (): Promise<string> => lab.backend.must(['ip', 'link', 'del', 'hw1'])],
    ["the relay's link is deleted", (): Promise<string> => lab.relay.must(['ip', 'link', 'del', 'hw0'])],
    ["the backend's ruleset is flushed", (): Promise<string> => lab.backend.must(['nft', 'flush', 'ruleset'])],
    ["the relay's ruleset is flushed", (): Promise<string> => lab.relay.must(['nft', 'flush', 'ruleset'])],
  ] as const) {
    it(`heals by itself when ${what}`, async () => {
      await damage();
      await expectHealed(lab.relay);
      await expectRealClients();
    });
  }

  it('is removed by `down` on both sides without a trace', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    for (const [node, shot] of found) await expectUnchanged(node, shot);
  });
});
