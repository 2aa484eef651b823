/** One backend of two relays: both lead to the same services, and every reply leaves by the tunnel its question came by. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { agentStatus, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab, removeIpv6Uplink } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { samePort } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

const forwards = ['80/tcp', '5300/udp'];

interface Clients {
  readonly family: 'ipv4' | 'ipv6';
  readonly hosts: Readonly<Record<'client' | 'relay' | 'relay2', string>>;
  /** Takes the backend's own way to these clients; the relays stay in its reach. */
  takeUplink(backend: LabNode): Promise<unknown>;
}

const routesToRelays = [address.relay, address.relay2].map((host) => `route add ${host} via 192.168.1.1`);

const families: readonly Clients[] = [
  {
    family: 'ipv4',
    hosts: address,
    takeUplink: (backend) =>
      backend.must(['ip', '-batch', '-'], { input: `${routesToRelays.join('\n')}\nroute delete default\n` }),
  },
  { family: 'ipv6', hosts: address6, takeUplink: removeIpv6Uplink },
];

for (const { family, hosts, takeUplink } of families) {
  describe(`two relays of one backend, for clients of ${family}`, () => testClients(family, hosts, takeUplink));
}

function testClients(family: Clients['family'], of: Clients['hosts'], takeUplink: Clients['takeUplink']): void {
  const relays = [
    { node: 'relay', host: of.relay, device: 'hw1' },
    { node: 'relay2', host: of.relay2, device: 'hw2' },
  ] as const;
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    const { agent } = await pairUp(lab, { name: 'home', forwards });
    await pairUp({ relay: lab.relay2, backend: lab.backend }, { name: 'home', forwards, agent });
  });
  after(() => lab?.close());

  const expectServed = async (): Promise<void> => {
    for (const { host } of relays) {
      await expectTcpAt(lab, host, 80, nginx);
      await expectUdpAt(lab, host, 5300, echo);
    }
  };

  /** Every probe is green, through this relay's own tunnel both ways. */
  const expectProven = async (): Promise<void> => {
    // At the same time: the backend must not take one relay's probe for the other's.
    const proofs = await Promise.all(relays.map(async ({ node, device }) => ({ device, ...(await probe(lab[node])) })));
    for (const { device, exitCode, report } of proofs) {
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      const own = report.results.filter((result) => result.family === family);
      expect(own.map(({ forward, arrivedOn, leftOn }) => `${forward}: ${arrivedOn} ${leftOn}`)).to.have.members(
        forwards.map((forward) => `${forward}: ${device} ${device}`),
      );
    }
  };

  const expectSamePort = async (): Promise<void> => {
    const hosts = relays.map(({ host }) => host);
    const { localPort, tcp, udp } = await samePort(lab.client, 80, 5300, hosts);
    const client = endpoint(of.client, localPort);
    expect(tcp).to.have.deep.members(hosts.map((host) => ({ host, reply: 'hello' })));
    await poll('both connections in the log of nginx', 2_000, () =>
      nginx.seen().filter((seen) => seen === client).length === hosts.length ? true : undefined,
    );
    expect(udp.map(({ from }) => from)).to.have.members(hosts.map((host) => endpoint(host, 5300)));
    // The service gets both flows at one address of its own: one of them keeps its port, the other gets another.
    expect(udp.map(({ seen }) => seen)).to.include(client);
    for (const { seen } of udp) expect(seen).to.include(endpoint(of.client, ''));
  };

  it('are both online, in slots of their own', async () => {
    const listed = (await agentStatus(lab.backend)).relays;
    expect(listed.map(({ state, tunnel }) => ({ state, device: tunnel?.device }))).to.deep.equal(
      relays.map(({ device }) => ({ state: 'online', device })),
    );
    expect(new Set(listed.map(({ tunnel }) => tunnel?.backendAddress)).size).to.equal(2);
  });

  it('lead to the same services, which see the client', () => expectServed());
  it('are both proven, each through its own tunnel', () => expectProven());
  it('can be used at once from the same port of a client', () => expectSamePort());

  describe('where the backend has no way of its own to them', () => {
    before(async () => {
      await takeUplink(lab.backend);
      await poll('the source pin for the new routes', 5_000, async () => {
        for (const { host } of relays) await expectUdpAt(lab, host, 5300, echo, 1);
        return true;
      });
    });

    it('lead to the same services, which see the client', () => expectServed());
    it('are both proven, each through its own tunnel', () => expectProven());
    it('can be used at once from the same port of a client', () => expectSamePort());
  });
}
