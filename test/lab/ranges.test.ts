/** Forwards of many ports: each port of a range leads to its own port at the backend, and not one beside it does. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { controllerStatus, homeward, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet, udpAsk } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';
import { startUdpStream } from '../support/udp-stream.js';

/** Port of the relay → port of the backend: first, middle and last of each range. */
const kept = { spec: '5000-6000/tcp+udp', ports: { 5000: 5000, 5500: 5500, 6000: 6000 } } as const;
const shifted = { spec: '8000-8099=9000-9099/tcp', ports: { 8000: 9000, 8050: 9050, 8099: 9099 } } as const;
const wide = { spec: '20000-40000/udp', ports: { 20000: 20000, 30000: 30000, 40000: 40000 } } as const;

const pairsOf = (ports: Readonly<Record<number, number>>): [number, number][] =>
  Object.entries(ports).map(([at, to]) => [Number(at), to]);
const hosts = [address.relay, address6.relay];

describe('a range of ports', () => {
  let lab: Lab;
  const tcp = new Map<number, Service>();
  const udp = new Map<number, Service>();

  before(async () => {
    lab = await createLab();
    for (const [, port] of [...pairsOf(kept.ports), ...pairsOf(shifted.ports)]) {
      tcp.set(port, await startNginx(lab.backend, port, `port ${port}`));
    }
    for (const [, port] of [...pairsOf(kept.ports), ...pairsOf(wide.ports)]) {
      udp.set(port, await startUdpEcho(lab.backend, port, '::'));
    }
    await pairUp(lab, { forwards: [kept.spec, shifted.spec, wide.spec] });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);
  const service = (services: ReadonlyMap<number, Service>, port: number): Service => {
    const found = services.get(port);
    if (found === undefined) throw new Error(`there is no service on port ${port}`);
    return found;
  };

  it('is one forward, and active', async () => {
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home?.forwards.map(({ spec, state }) => ({ spec, state }))).to.have.deep.members(
      [kept.spec, shifted.spec, wide.spec].map((spec) => ({ spec, state: 'active' })),
    );
  });

  for (const { spec, ports } of [kept, shifted]) {
    it(`${spec}: first, middle and last TCP port lead to their services, which see the client`, async () => {
      for (const host of hosts) {
        for (const [at, to] of pairsOf(ports)) {
          expect((await tcpGet(lab.client, host, at)).replies, endpoint(host, at)).to.deep.equal([`port ${to}`]);
          await expectTcpAt(lab, host, at, service(tcp, to));
        }
      }
    });
  }

  for (const { spec, ports } of [kept, wide]) {
    it(`${spec}: first, middle and last UDP port lead to their services, which see the client`, async () => {
      for (const host of hosts) {
        for (const [at, to] of pairsOf(ports)) await expectUdpAt(lab, host, at, service(udp, to));
      }
    });
  }

  it('ends where it ends', async () => {
    await startNginx(lab.backend, 9100);
    for (const host of hosts) {
      for (const port of [4999, 6001, 7999, 8100, 20_000]) {
        expect((await tcpGet(lab.client, host, port)).errors.join(), endpoint(host, port)).to.match(/ECONNREFUSED/);
      }
      await Promise.all(
        [4999, 6001, 8000, 19_999, 40_001].map(async (port) => {
          expect((await udpAsk(lab.client, host, port, 2)).reply, endpoint(host, port)).to.equal(null);
        }),
      );
    }
  });

  it('is probed at its first, a middle and its last port, in both families', async () => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report.results.filter(({ ok }) => !ok))).to.equal(0);
    const probed = report.results.map(({ forward, proto, port, family }) => `${forward} ${proto} ${port} ${family}`);
    const expected = (spec: string, proto: string, ports: Readonly<Record<number, number>>): string[] =>
      ['ipv4', 'ipv6'].flatMap((family) => pairsOf(ports).map(([at]) => `${spec} ${proto} ${at} ${family}`));
    expect(probed).to.have.members([
      ...expected(kept.spec, 'tcp', kept.ports),
      ...expected(kept.spec, 'udp', kept.ports),
      ...expected(shifted.spec, 'tcp', shifted.ports),
      ...expected(wide.spec, 'udp', wide.ports),
    ]);
  });

  it('takes each of its ports: another backend cannot have one of them', async () => {
    expectDone(await controller('pair', 'nas', '--no-wait'));
    expectRefused(await controller('forward', 'add', 'nas', '30000/udp'), 2, /"home".*20000-40000\/udp/);
    expectRefused(await controller('forward', 'add', 'nas', '39000-41000/udp'), 2, /"home".*20000-40000\/udp/);
    expectDone(await controller('forward', 'add', 'nas', '30000/tcp'));
    expectDone(await controller('unpair', 'nas'));
  });

  it('comes and goes while a flow through another one loses nothing', async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5500);
    for (const spec of [wide.spec, shifted.spec]) {
      expectDone(await controller('forward', 'remove', 'home', spec));
      expectDone(await controller('forward', 'add', 'home', spec));
    }
    await stream.goesOn(20);
    expect(await stream.end(), `lost of ${stream.sent()}`).to.deep.equal([]);
    await expectUdpAt(lab, address.relay, 30_000, service(udp, 30_000));
    await expectTcpAt(lab, address.relay, 8050, service(tcp, 9050));
  });

  it('loses one protocol and keeps the other', async () => {
    expectDone(await controller('forward', 'remove', 'home', '5000-6000/udp'));
    expect((await udpAsk(lab.client, address.relay, 5500, 2)).reply).to.equal(null);
    await expectTcpAt(lab, address.relay, 5500, service(tcp, 5500));
  });
});
