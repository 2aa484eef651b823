/** A relay with two public addresses: a forward with an address goes before one without, also to another backend. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { homeward, probe } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { samePort, tcpGet, udpAsk } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

const anyAddress = ['80/tcp', '5300/udp'];
const second = address.relaySecond;
/** On the second address these go elsewhere: to another port there, and to another backend. */
const atHome = [`${second}:8080=81/tcp`];
const atNas = [`${second}:80/tcp`, `${second}:5300/udp`];

describe('several public addresses', () => {
  let lab: Lab;
  let home: { readonly nginx: Service; readonly other: Service; readonly echo: UdpEcho };
  let nas: { readonly nginx: Service; readonly echo: UdpEcho };

  before(async () => {
    lab = await createLab();
    home = {
      nginx: await startNginx(lab.backend, 80, 'home'),
      other: await startNginx(lab.backend, 81, 'home, the other one'),
      echo: await startUdpEcho(lab.backend, 5300),
    };
    nas = { nginx: await startNginx(lab.backend2, 80, 'nas'), echo: await startUdpEcho(lab.backend2, 5300) };
    const { controller: running } = await pairUp(lab, {
      name: 'home',
      forwards: [...anyAddress, '8080=80/tcp', ...atHome],
    });
    await pairUp({ relay: lab.relay, backend: lab.backend2 }, { name: 'nas', forwards: atNas, controller: running });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);
  const greeting = async (host: string, port: number): Promise<string | undefined> =>
    (await tcpGet(lab.client, host, port)).replies[0];

  it('lead to different backends', async () => {
    expect(await greeting(address.relay, 80)).to.equal('home');
    expect(await greeting(second, 80)).to.equal('nas');
    await expectTcpAt(lab, address.relay, 80, home.nginx);
    await expectTcpAt(lab, second, 80, nas.nginx);
    await expectUdpAt(lab, address.relay, 5300, home.echo);
    await expectUdpAt(lab, second, 5300, nas.echo);
  });

  it('lead to different services of one backend', async () => {
    expect(await greeting(address.relay, 8080)).to.equal('home');
    expect(await greeting(second, 8080)).to.equal('home, the other one');
    await expectTcpAt(lab, second, 8080, home.other);
  });

  it('can be used at once from the same port of a client', async () => {
    const hosts = [address.relay, second];
    const { localPort, tcp, udp } = await samePort(lab.client, 80, 5300, hosts);
    const client = endpoint(address.client, localPort);
    expect(tcp).to.have.deep.members([
      { host: address.relay, reply: 'home' },
      { host: second, reply: 'nas' },
    ]);
    expect(udp).to.have.deep.members(hosts.map((host) => ({ from: endpoint(host, 5300), seen: client })));
  });

  it('are each proven', async () => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report)).to.equal(0);
    expect(new Set(report.results.map(({ forward }) => forward))).to.deep.equal(
      new Set([...anyAddress, '8080=80/tcp', ...atHome, ...atNas]),
    );
  });

  it('take one forward each on the same port, and no second one', async () => {
    expectRefused(await controller('forward', 'add', 'home', `${second}:80/tcp`), 2, /"nas"/);
    expectRefused(await controller('forward', 'add', 'nas', '80/tcp'), 2, /"home"/);
  });

  it('fall back to the forward without address when theirs is removed', async () => {
    expectDone(await controller('forward', 'remove', 'nas', ...atNas));
    await expectTcpAt(lab, second, 80, home.nginx);
    await expectUdpAt(lab, second, 5300, home.echo);
    expect((await udpAsk(lab.client, second, 5300)).from).to.equal(endpoint(second, 5300));
    expectDone(await controller('forward', 'add', 'nas', ...atNas));
    await expectTcpAt(lab, second, 80, nas.nginx);
    await expectUdpAt(lab, second, 5300, nas.echo);
  });

  it('that are given alone forward nothing on the others', async () => {
    expectDone(await controller('forward', 'remove', 'home', ...anyAddress));
    expect((await tcpGet(lab.client, address.relay, 80)).errors.join()).to.match(/ECONNREFUSED/);
    expect((await udpAsk(lab.client, address.relay, 5300, 2)).reply).to.equal(null);
    await expectTcpAt(lab, second, 80, nas.nginx);
    await expectUdpAt(lab, second, 5300, nas.echo);
  });
});
