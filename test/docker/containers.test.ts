/** Services in containers of the backend, behind published ports: they see the client, whatever network they are in. */
import { expect } from 'chai';
import { inContainer, prepareContainers } from '../support/docker/containers.js';
import { type Engine, startEngine } from '../support/docker/engine.js';
import { homeward, probe, start } from '../support/homeward.js';
import { address6, createLab, type Lab } from '../support/lab.js';
import { pairUp, provenInTheEnd } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectTcpAt, expectUdp, expectUdpAt } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

/** Docker translates addresses of IPv6 only when told to (20.10 calls that an experiment). */
const ipv6 = ['--experimental', '--ip6tables', '--ipv6', '--fixed-cidr-v6', 'fd0d::/64'];

describe('services in Docker containers', () => {
  let lab: Lab;
  let engine: Engine;
  let web: Service;
  let echo: Service;
  let shop: Service;
  let game: Service;
  let untouched: Snapshot;

  before(async () => {
    lab = await createLab();
    engine = await startEngine(lab.name, lab.backend, ipv6);
    await prepareContainers(engine);
    await engine.docker(['network', 'create', '--ipv6', '--subnet', 'fd0d:1::/64', 'shop']);
    web = await startNginx(lab.backend, 80, 'web', inContainer({ name: 'web', publish: ['80:80'] }));
    echo = await startUdpEcho(lab.backend, 5300, '::', inContainer({ name: 'echo', publish: ['5300:5300/udp'] }));
    const inShop = { network: 'shop' };
    shop = await startNginx(
      lab.backend,
      8081,
      'shop',
      inContainer({ name: 'shop', publish: ['8081:8081'], ...inShop }),
    );
    const placeOfGame = inContainer({ name: 'game', publish: ['5400:5400/udp'], ...inShop });
    game = await startUdpEcho(lab.backend, 5400, '::', placeOfGame);
    untouched = await snapshot(lab.backend);
    await pairUp(lab, { forwards: ['80/tcp', '5300/udp', '443=8081/tcp', '5400/udp'] });
  });
  after(async () => {
    await engine?.close();
    await lab?.close();
  });

  const expectReal = async (): Promise<void> => {
    await expectTcp(lab, 80, web);
    await expectUdp(lab, 5300, echo);
    await expectTcp(lab, 443, shop);
    await expectUdp(lab, 5400, game);
  };

  it('see IPv4 clients', expectReal);

  it('see IPv6 clients where Docker translates their addresses', async () => {
    await expectTcpAt(lab, address6.relay, 80, web);
    await expectUdpAt(lab, address6.relay, 5300, echo);
    await expectTcpAt(lab, address6.relay, 443, shop);
    await expectUdpAt(lab, address6.relay, 5400, game);
  });

  it('are proven', async () => {
    expect((await probe(lab.relay)).report).to.deep.include({ ok: true });
  });

  it('down leaves Docker as it was', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, untouched);
  });

  it('see them again when homeward and the containers were started anew', async () => {
    start(lab.relay, 'controller', ['serve']);
    start(lab.backend, 'agent', ['run']);
    await provenInTheEnd(lab.relay);
    await engine.docker(['restart', '--time', '0', 'web', 'echo', 'shop', 'game']);
    await poll('containers that see the client again', 10_000, async () => {
      await expectReal();
      return true;
    });
    expect((await probe(lab.relay)).exitCode).to.equal(0);
  });

  it('see them again when the daemon was killed and started anew, and with it its rules', async () => {
    await engine.close();
    engine = await startEngine(lab.name, lab.backend, ipv6);
    await engine.docker(['start', 'web', 'echo', 'shop', 'game']);
    await poll('containers that see the client again', 10_000, async () => {
      await expectReal();
      return true;
    });
    await provenInTheEnd(lab.relay);
  });
});
