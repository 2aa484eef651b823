/** The main job over the kernel's own WireGuard: proven, healed after damage, and gone without a trace. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward } from '../../support/homeward.js';
import { address, address6, createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { pairUp, provenInTheEnd } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../../support/services.js';
import { type Snapshot, snapshot } from '../../support/snapshot.js';
import { expectDone, expectUnchanged } from '../../support/tidy.js';

const forwards = ['80/tcp', '5300/udp', '5301/udp'];
/** One forward is proof enough of a tunnel; each costs an emulated machine seconds. */
const only80 = ['home', '--forward', '80/tcp'];
const hosts = [address.relay, address6.relay];

describe("over the kernel's WireGuard", () => {
  let lab: Lab;
  let found: readonly (readonly [LabNode, Snapshot])[];
  let nginx: Service;
  let wildcard: Service;

  before(async () => {
    lab = await createLab();
    [nginx, wildcard] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    const shotOf = async (node: LabNode) => [node, await snapshot(node)] as const;
    found = await Promise.all([lab.relay, lab.backend].map(shotOf));
    await pairUp(lab, { forwards });
  });
  after(() => lab?.close());

  const expectRealClients = async (): Promise<void> => {
    for (const host of hosts) {
      await expectTcpAt(lab, host, 80, nginx);
      await expectUdpAt(lab, host, 5300, wildcard);
    }
  };

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

  it('shows TCP and UDP services the client, IPv4 and IPv6', expectRealClients);

  it('shows a UDP service bound to the tunnel address the client', async () => {
    const bound = (await controllerStatus(lab.relay)).backends[0]?.tunnel?.backendAddress;
    const echo = await startUdpEcho(lab.backend, 5301, bound);
    await poll('an answer of the bound echo', 10_000, async () => {
      await expectUdpAt(lab, address.relay, 5301, echo, 2);
      return true;
    });
  });

  it('is proven by the link that packets really took', async () => {
    const { results } = await provenInTheEnd(lab.relay, only80);
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
      await provenInTheEnd(lab.relay, only80);
      await expectRealClients();
    });
  }

  it('is removed by `down` on both sides without a trace', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    for (const [node, shot] of found) await expectUnchanged(node, shot);
  });
});
