/** IPv6 clients: every service sees their real address, whether the backend has IPv6 of its own or not. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { agentStatus, controllerStatus, homeward, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab, removeIpv6Uplink } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectDnsAt, expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet, transfer, udpAsk } from '../support/scripts.js';
import { type Service, startBlob, startDnsmasq, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

const forwards = [
  '80/tcp',
  '8080=80/tcp',
  '8081/tcp',
  '53/udp',
  '5300/udp',
  '5301/udp',
  '5302/udp',
  '9998/udp',
  '9999/tcp',
];
const transferBytes = 5 * 1024 * 1024;
const families = [
  { family: 'ipv4', host: address.relay },
  { family: 'ipv6', host: address6.relay },
] as const;

const backends = [
  { title: 'at a backend with IPv6 of its own', prepare: async () => undefined },
  { title: 'at a backend without IPv6 of its own', prepare: (lab: Lab) => removeIpv6Uplink(lab.backend) },
] as const;

for (const { title, prepare } of backends) {
  describe(`an IPv6 client ${title}`, () => {
    let lab: Lab;
    let nginx: Service;
    let dual: Service;
    let ipv6Only: Service;
    let dnsmasq: Service;
    let found: readonly [Snapshot, Snapshot];

    before(async () => {
      lab = await createLab();
      await prepare(lab);
      [nginx, dual, ipv6Only, dnsmasq] = await Promise.all([
        startNginx(lab.backend, 80),
        startUdpEcho(lab.backend, 5300, '::'),
        startUdpEcho(lab.backend, 5302, ':: v6only'),
        startDnsmasq(lab.backend),
        startBlob(lab.backend, 8081),
      ]);
      found = [await snapshot(lab.relay), await snapshot(lab.backend)];
      await pairUp(lab, { forwards });
    });
    after(() => lab?.close());

    it('is seen by TCP services', () => expectTcpAt(lab, address6.relay, 80, nginx));
    it('is seen by TCP services on another port', () => expectTcpAt(lab, address6.relay, 8080, nginx));
    it('is seen by UDP services on the wildcard of both families', () => expectUdpAt(lab, address6.relay, 5300, dual));
    it('is seen by UDP services on the IPv6 wildcard', () => expectUdpAt(lab, address6.relay, 5302, ipv6Only));
    it('is seen by dnsmasq', () => expectDnsAt(lab, address6.relay, 53, dnsmasq));

    it('is seen by UDP services bound to the tunnel’s IPv6 address', async () => {
      const tunnelAddress = (await agentStatus(lab.backend)).relays[0]?.tunnel?.backendAddress6;
      if (tunnelAddress == null) throw new Error('the backend has no IPv6 address in the tunnel');
      const bound = await startUdpEcho(lab.backend, 5301, tunnelAddress);
      // The agent first has to notice the new listener.
      await poll('an answer of the bound echo', 10_000, async () => {
        await expectUdpAt(lab, address6.relay, 5301, bound, 2);
        return true;
      });
    });

    it('shares these services with IPv4 clients', async () => {
      await expectTcpAt(lab, address.relay, 80, nginx);
      await expectUdpAt(lab, address.relay, 5300, dual);
      await expectDnsAt(lab, address.relay, 53, dnsmasq);
      expect((await udpAsk(lab.client, address.relay, 5302, 2)).reply, 'of an IPv6 service').to.equal(null);
    });

    it('gets and sends large transfers unharmed', async () => {
      for (const direction of ['get', 'put'] as const) {
        const url = `http://${endpoint(address6.relay, 8081)}`;
        const moved = await transfer(lab.client, direction, url, transferBytes);
        expect(moved).to.include({ bytes: transferBytes, sha256: moved.expected });
      }
    });

    it('carries 200 connections at once', async () => {
      const { replies, errors } = await tcpGet(lab.client, address6.relay, 80, 200);
      expect(errors).to.deep.equal([]);
      expect(replies.filter((reply) => reply === 'hello')).to.have.length(200);
    });

    it('is proven for every forward, as an IPv4 client is', async () => {
      const { exitCode, report } = await probe(lab.relay);
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      const proven = report.results.map(({ forward, family, ok }) => `${forward} ${family} ${ok}`);
      for (const { family } of families) {
        for (const forward of ['80/tcp', '8080=80/tcp', '5300/udp', '9998/udp', '9999/tcp']) {
          expect(proven).to.include(`${forward} ${family} true`);
        }
      }
      for (const result of report.results.filter(({ family }) => family === 'ipv6')) {
        expect(result.client).to.match(/^\[3fff:770:[\da-f:]*\]:\d+$/);
        expect(result, JSON.stringify(result)).to.include({ arrivedOn: 'hw1', leftOn: 'hw1', seen: result.client });
      }
    });

    it('has tunnel addresses of both families, and both ends tell the same', async () => {
      const atRelay = (await controllerStatus(lab.relay)).backends[0]?.tunnel;
      const atBackend = (await agentStatus(lab.backend)).relays[0]?.tunnel;
      for (const key of ['relayAddress6', 'backendAddress6'] as const) {
        expect(atRelay?.[key]).to.match(/^fd[\da-f:]+$/);
        expect(atBackend?.[key]).to.equal(atRelay?.[key]);
      }
    });

    it('is not let in any more, and nothing is left, after `down` of both sides', async () => {
      expectDone(await homeward(lab.relay, 'controller', ['down']));
      expectDone(await homeward(lab.backend, 'agent', ['down']));
      await expectUnchanged(lab.relay, found[0]);
      await expectUnchanged(lab.backend, found[1]);
      expect((await tcpGet(lab.client, address6.relay, 80)).errors.join()).to.match(/ECONNREFUSED/);
    });
  });
}

describe('a relay that is reached over IPv6 only', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let paired: Paired;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300, '::')]);
    await lab.backend.must(['ip', 'route', 'add', 'unreachable', '198.51.100.0/24']);
    paired = await pairUp(lab, {
      forwards: ['80/tcp', '5300/udp'],
      controllerArgs: ['--endpoint', `[${address6.relay}]`],
    });
  });
  after(() => lab?.close());

  it('is dialled there, and the tunnel goes there', async () => {
    const [relay] = (await agentStatus(lab.backend)).relays;
    expect(relay?.endpoint).to.equal(`ws://[${address6.relay}]:7700`);
    const endpoints = await lab.backend.must(['wg', 'show', 'hw1', 'endpoints']);
    expect(endpoints).to.match(new RegExp(`\\t\\[${address6.relay}\\]:51820$`));
    expect(paired.pairing.events().at(-1)).to.include({ event: 'done', ok: true });
  });

  it('serves clients of both families', async () => {
    for (const { host } of families) {
      await expectTcpAt(lab, host, 80, nginx);
      await expectUdpAt(lab, host, 5300, echo);
    }
  });

  it('carries large transfers although the tunnel’s own packets are larger', async () => {
    await startBlob(lab.backend, 8081);
    expectDone(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', '8081/tcp']));
    for (const { host } of families) {
      const moved = await transfer(lab.client, 'get', `http://${endpoint(host, 8081)}`, transferBytes);
      expect(moved).to.include({ bytes: transferBytes, sha256: moved.expected });
    }
  });
});

describe('IPv6 addresses in forwards', () => {
  let lab: Lab;
  let nginx: Service;
  let other: Service;
  let atLan: Service;

  const lanSpec = `8088=[${address6.lan}]:80/tcp`;
  const ownSpec = `[${address6.relay}]:8080=81/tcp`;

  before(async () => {
    lab = await createLab();
    [nginx, other, atLan] = await Promise.all([
      startNginx(lab.backend, 80, 'any address'),
      startNginx(lab.backend, 81, 'this address'),
      startNginx(lab.lan, 80, 'lan'),
    ]);
    await pairUp(lab, {
      forwards: ['8080=80/tcp', ownSpec, lanSpec],
      enrollArgs: ['--allow-lan', '2001:db8:1::/64'],
    });
  });
  after(() => lab?.close());

  it('are told in their canonical form', async () => {
    const specs = (await controllerStatus(lab.relay)).backends[0]?.forwards.map(({ spec }) => spec);
    expect(specs).to.have.members(['8080=80/tcp', ownSpec, lanSpec]);
    const again = `8088=[2001:0DB8:1:0:0:0:0:0099]:80/tcp`;
    expectDone(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', again]));
    expect((await controllerStatus(lab.relay)).backends[0]?.forwards).to.have.length(3);
  });

  it('go before forwards without address', async () => {
    expect((await tcpGet(lab.client, address6.relay, 8080)).replies).to.deep.equal(['this address']);
    await expectTcpAt(lab, address6.relay, 8080, other);
    await expectTcpAt(lab, address.relay, 8080, nginx);
  });

  it('lead to hosts behind the backend, which see IPv6 clients', async () => {
    await expectTcpAt(lab, address6.relay, 8088, atLan);
    expect((await tcpGet(lab.client, address.relay, 8088)).replies, 'over IPv4').to.deep.equal([]);
  });

  it('are proven', async () => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report)).to.equal(0);
    const of = (spec: string) => report.results.filter(({ forward }) => forward === spec).map(({ family }) => family);
    expect(of(ownSpec)).to.deep.equal(['ipv6']);
    expect(of(lanSpec)).to.deep.equal(['ipv6']);
    expect(of('8080=80/tcp')).to.include('ipv4');
  });
});
