/** A host behind the backend is reached only if the backend's owner allows it, and then sees the client too. */
import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { bracketed } from '../support/endpoint.js';
import { agentStatus, homeward, policyFile, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectMirroredAt, expectTcp, expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';
import { startUdpMirror, type UdpMirror } from '../support/udp-services.js';

const spec = `8088=${address.lan}:80/tcp`;

describe('a host behind the backend', () => {
  let lab: Lab;
  let nginx: Service;
  let backendBefore: Snapshot;
  let paired: Paired;

  beforeEach(async () => {
    lab = await createLab();
    nginx = await startNginx(lab.lan, 80);
    backendBefore = await snapshot(lab.backend);
  });
  afterEach(() => lab?.close());

  it('is refused without a policy that allows it, naming what to add', async () => {
    paired = await pairUp(lab, { forwards: ['81/tcp'] });
    await homeward(lab.relay, 'controller', ['forward', 'add', 'home', spec]);
    const refused = await poll('the refusal', 5_000, async () => {
      const { relays } = await agentStatus(lab.backend);
      return relays[0]?.refused.find((one) => one.spec === spec);
    });
    expect(refused.reason).to.match(/lan|policy/i);
    expect((await tcpGet(lab.client, address.relay, 8088)).replies).to.deep.equal([]);
    expect(nginx.seen()).to.deep.equal([]);
  });

  it('sees the client where the policy allows it, and all is as before after `down`', async () => {
    writeFileSync(lab.backend.file(policyFile), JSON.stringify({ lan: ['192.168.1.0/24'] }));
    paired = await pairUp(lab, { forwards: [spec] });
    expect(paired.pairing.events().at(-1)).to.include({ event: 'done', ok: true });
    await expectTcp(lab, 8088, nginx);
    expect((await probe(lab.relay)).exitCode).to.equal(0);
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, backendBefore);
  });
});

describe('a host behind the backend, for clients of either family', () => {
  const families = [
    { host: address.relay, lan: address.lan },
    { host: address6.relay, lan: address6.lan },
  ] as const;
  /** A single port, the same and another one, and ranges that keep their ports and do not. */
  const specs = families.flatMap(({ lan }) => {
    const target = bracketed(lan);
    return [
      `8088=${target}:80/tcp`,
      `5300=${target}/udp`,
      `5353=${target}:5300/udp`,
      `5320=${target}/udp`,
      `8000-8010=${target}/tcp+udp`,
      `9000-9010=${target}:8000-8010/tcp+udp`,
    ];
  });
  let lab: Lab;
  const tcp = new Map<number, Service>();
  const udp = new Map<number, Service>();
  let mirror: UdpMirror;
  let found: { backend: Snapshot; lan: Snapshot };

  before(async () => {
    lab = await createLab();
    for (const port of [80, 8000, 8005, 8010]) tcp.set(port, await startNginx(lab.lan, port, `port ${port}`));
    await startNginx(lab.lan, 8011);
    for (const port of [5300, 8000, 8005, 8010]) udp.set(port, await startUdpEcho(lab.lan, port, '::'));
    mirror = await startUdpMirror(lab.lan, 5320);
    found = { backend: await snapshot(lab.backend), lan: await snapshot(lab.lan) };
    const networks = ['192.168.1.0/24', '2001:db8:1::/64'];
    await pairUp(lab, { forwards: specs, enrollArgs: networks.flatMap((network) => ['--allow-lan', network]) });
  });
  after(() => lab?.close());

  const at = (services: ReadonlyMap<number, Service>, port: number): Service => {
    const service = services.get(port);
    if (service === undefined) throw new Error(`there is no service on port ${port}`);
    return service;
  };

  for (const { host } of families) {
    it(`sees who calls ${host} by TCP: on one port, and on every port of a range`, async () => {
      await expectTcpAt(lab, host, 8088, at(tcp, 80));
      for (const port of [8000, 8005, 8010]) {
        for (const publicPort of [port, port + 1_000]) {
          expect((await tcpGet(lab.client, host, publicPort)).replies).to.deep.equal([`port ${port}`]);
          await expectTcpAt(lab, host, publicPort, at(tcp, port));
        }
      }
    });

    it(`sees who calls ${host} by UDP: on one port, and on every port of a range`, async () => {
      for (const publicPort of [5300, 5353]) await expectUdpAt(lab, host, publicPort, at(udp, 5300));
      for (const port of [8000, 8005, 8010]) {
        for (const publicPort of [port, port + 1_000]) await expectUdpAt(lab, host, publicPort, at(udp, port));
      }
    });

    it(`gets and sends datagrams of many fragments by way of ${host}, byte for byte`, async () => {
      for (const bytes of [3_000, 8_000, 60_000]) await expectMirroredAt(lab, host, 5320, bytes, mirror);
    });

    it(`is not reached by ports of ${host} beside the ranges`, async () => {
      for (const port of [7999, 8011, 8999, 9011]) {
        expect((await tcpGet(lab.client, host, port)).errors.join(), `port ${port}`).to.match(/ECONNREFUSED/);
      }
    });
  }

  it('is proven for every forward, in its own family', async () => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report.results.filter(({ ok }) => !ok))).to.equal(0);
    expect(new Set(report.results.map(({ forward }) => forward))).to.deep.equal(new Set(specs));
    for (const { forward, family, service } of report.results) {
      expect(service, forward).to.equal('answered');
      expect(family, forward).to.equal(forward.includes('[') ? 'ipv6' : 'ipv4');
    }
  });

  it('is as it was, and so is the backend, after `down`', async () => {
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, found.backend);
    await expectUnchanged(lab.lan, found.lan);
  });
});
