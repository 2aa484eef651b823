/** A transparent gateway on a machine with containers: it takes their replies, which is named with what exempts them. */
import { expect } from 'chai';
import { inContainer, prepareContainers } from '../support/docker/containers.js';
import { type Engine, startEngine } from '../support/docker/engine.js';
import { homeward, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { exemptionsIn, type Gateway, gatewayTools, startGateway } from '../support/neighbours/gateway.js';
import { pairUp } from '../support/pairing.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

describe('containers beside a transparent gateway', () => {
  let lab: Lab;
  let engine: Engine;
  let gateway: Gateway;
  let untouched: Snapshot;
  let web: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    engine = await startEngine(lab.name, lab.backend);
    await prepareContainers(engine);
    web = await startNginx(lab.backend, 8081, 'web', inContainer({ name: 'web', publish: ['8081:8081'] }));
    echo = await startUdpEcho(lab.backend, 5400, '::', inContainer({ name: 'echo', publish: ['5400:5400/udp'] }));
    await Promise.all([startNginx(lab.backend, 80), startNginx(lab.relay2, 80)]);
    gateway = await startGateway(lab.backend, gatewayTools.iptables, { ipv4: address.relay, ipv6: address6.relay });
    untouched = await snapshot(lab.backend);
    await pairUp(lab, { forwards: ['80/tcp'] });
    await homeward(lab.relay, 'controller', ['forward', 'add', 'home', '8081/tcp', '5400/udp']);
  });
  after(async () => {
    await engine?.close();
    await lab?.close();
  });

  const expectGateway = (): Promise<void> => gateway.expectCaptured(lab.backend, address.relay2, 80);

  it('are not proven, and what is printed makes them see their clients', async () => {
    const { report } = await probe(lab.relay);
    const red = report.results.filter(({ ok }) => !ok);
    expect(red.map(({ forward, family, cause }) => `${forward} ${family} ${cause}`)).to.include.members([
      '8081/tcp ipv4 captured',
      '5400/udp ipv4 captured',
    ]);
    const commands = exemptionsIn(report);
    expect(commands).to.have.length(1);
    for (const command of commands) await lab.backend.must(command.split(' '));
    await expectTcp(lab, 8081, web);
    await expectUdp(lab, 5400, echo);
    const again = (await probe(lab.relay)).report.results.filter(({ family }) => family === 'ipv4');
    expect(again.filter(({ ok }) => !ok)).to.deep.equal([]);
    await expectGateway();
  });

  it('down leaves both as they were', async () => {
    await gateway.restart();
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, untouched);
    await expectGateway();
  });
});
