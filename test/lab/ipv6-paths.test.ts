/** IPv6 clients on longer ways: two relays of one backend, a relay behind a relay, a second address, a moved forward. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { homeward, probe } from '../support/homeward.js';
import { address6, createLab, type Lab, removeIpv6Uplink } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { samePort, tcpGet } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';
import { startUdpStream } from '../support/udp-stream.js';

const forwards = ['80/tcp', '5300/udp'];
const relays = [
  { node: 'relay', host: address6.relay, device: 'hw1' },
  { node: 'relay2', host: address6.relay2, device: 'hw2' },
] as const;

describe('two relays of one backend, over IPv6', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    const { agent } = await pairUp(lab, { forwards });
    await pairUp({ relay: lab.relay2, backend: lab.backend }, { forwards, agent });
  });
  after(() => lab?.close());

  const expectServed = async (): Promise<void> => {
    for (const { host } of relays) {
      await expectTcpAt(lab, host, 80, nginx);
      await expectUdpAt(lab, host, 5300, echo);
    }
  };

  const expectProven = async (): Promise<void> => {
    const proofs = await Promise.all(relays.map(async ({ node, device }) => ({ device, ...(await probe(lab[node])) })));
    for (const { device, exitCode, report } of proofs) {
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      const over6 = report.results.filter(({ family }) => family === 'ipv6');
      expect(over6.map(({ forward, arrivedOn, leftOn }) => `${forward}: ${arrivedOn} ${leftOn}`)).to.have.members(
        forwards.map((forward) => `${forward}: ${device} ${device}`),
      );
    }
  };

  const expectSamePort = async (): Promise<void> => {
    const hosts = relays.map(({ host }) => host);
    const { localPort, tcp, udp } = await samePort(lab.client, 80, 5300, hosts);
    const client = endpoint(address6.client, localPort);
    expect(tcp.map(({ reply }) => reply)).to.deep.equal(['hello', 'hello']);
    await poll('both connections in the log of nginx', 2_000, () =>
      nginx.seen().filter((seen) => seen === client).length === hosts.length ? true : undefined,
    );
    expect(udp.map(({ from }) => from)).to.have.members(hosts.map((host) => endpoint(host, 5300)));
    // The service gets both flows at one address of its own: one of them keeps its port, the other gets another.
    expect(udp.map(({ seen }) => seen)).to.include(client);
    for (const { seen } of udp) expect(seen).to.include(`[${address6.client}]:`);
  };

  it('lead to the same services, which see the client', () => expectServed());
  it('are both proven, each through its own tunnel', () => expectProven());
  it('can be used at once from the same port of a client', () => expectSamePort());

  describe('where the backend has lost its own IPv6', () => {
    before(async () => {
      await removeIpv6Uplink(lab.backend);
      await poll('the source pin for the new routes', 5_000, async () => {
        for (const { host } of relays) await expectUdpAt(lab, host, 5300, echo, 1);
        return true;
      });
    });

    it('lead to the same services, which see the client', () => expectServed());
    it('are both proven, each through its own tunnel', () => expectProven());
    it('can be used at once from the same port of a client', () => expectSamePort());
  });
});

describe('a chain of two relays, over IPv6', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let middleBefore: Snapshot;

  before(async () => {
    lab = await createLab();
    await removeIpv6Uplink(lab.backend);
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    middleBefore = await snapshot(lab.relay2);
    await pairUp({ relay: lab.relay2, backend: lab.backend }, { forwards });
    await pairUp({ relay: lab.relay, backend: lab.relay2 }, { forwards });
  });
  after(() => lab?.close());

  it('shows TCP and UDP services the client', async () => {
    await expectTcpAt(lab, address6.relay, 80, nginx);
    await expectUdpAt(lab, address6.relay, 5300, echo);
  });

  it('is proven at each relay', async () => {
    for (const relay of [lab.relay, lab.relay2]) {
      const { exitCode, report } = await probe(relay);
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      const over6 = report.results.filter(({ family }) => family === 'ipv6');
      expect(over6.map(({ forward }) => forward)).to.have.members(forwards);
      for (const result of over6) {
        expect(result).to.include({ arrivedOn: 'hw1', leftOn: 'hw1', seen: result.client });
      }
    }
  });

  it('leaves the machine in the middle as it was found after `down` of both sides', async () => {
    expectDone(await homeward(lab.relay2, 'agent', ['down']));
    expectDone(await homeward(lab.relay2, 'controller', ['down']));
    await expectUnchanged(lab.relay2, middleBefore);
  });
});

describe('two backends of one relay, over IPv6', () => {
  /** The relay's second address. */
  const second = '2001:db8:a::2';
  let lab: Lab;
  let home: UdpEcho;
  let nas: UdpEcho;

  before(async () => {
    lab = await createLab();
    await lab.relay.must(['ip', 'address', 'add', `${second}/64`, 'dev', 'eth0']);
    [home, nas] = await Promise.all([startUdpEcho(lab.backend, 5300, '::'), startUdpEcho(lab.backend2, 5300, '::')]);
    await Promise.all([startNginx(lab.backend, 80, 'home'), startNginx(lab.backend2, 80, 'nas')]);
    const { controller } = await pairUp(lab, { name: 'home', forwards });
    await pairUp(
      { relay: lab.relay, backend: lab.backend2 },
      { name: 'nas', forwards: [`[${second}]:80/tcp`], controller },
    );
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  it('have a port each on the relay’s addresses', async () => {
    expect((await tcpGet(lab.client, address6.relay, 80)).replies).to.deep.equal(['home']);
    expect((await tcpGet(lab.client, second, 80)).replies).to.deep.equal(['nas']);
  });

  it('are followed at once by a flow whose forward is moved', async () => {
    const stream = await startUdpStream(lab.client, address6.relay, 5300);
    await stream.goesOn(30);
    expectDone(await controller('forward', 'remove', 'home', '5300/udp'));
    const heardBefore = home.heard().length;
    expectDone(await controller('forward', 'add', 'nas', '5300/udp'));
    const since = stream.sent();
    const last = await stream.goesOn(30);
    const numbers = Array.from({ length: last - since - 1 }, (_, index) => since + 1 + index);
    await poll(`datagrams ${since + 1} to ${last - 1} answered`, 2_000, () => {
      const answered = new Set(stream.answers().map(({ number }) => number));
      return numbers.every((number) => answered.has(number)) ? true : undefined;
    });
    const client = endpoint(address6.client, stream.localPort);
    for (const { number, seen } of stream.answers()) {
      if (numbers.includes(number)) expect(seen, `whom #${number} came from`).to.equal(client);
    }
    expect(new Set(nas.heard())).to.include.all.keys(numbers.map((number) => `#${number}`));
    expect(home.heard()).to.have.length(heardBefore);
    await stream.end();
  });
});
