/** IPv6 clients on longer ways: a relay behind a relay, a second address, a moved forward. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { homeward, probe } from '../support/homeward.js';
import { address6, createLab, type Lab, removeIpv6Uplink } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';
import { startUdpStream } from '../support/udp-stream.js';

const forwards = ['80/tcp', '5300/udp'];
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
