/** Forwards change while everything runs, and nobody takes another's port. */
import { expect } from 'chai';
import { controllerStatus, homeward } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { pairUp, startPair } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { tcpGet, udpAsk } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

describe('forwards', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await pairUp(lab, { forwards: ['80/tcp'] });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);
  const specs = async (): Promise<string[]> =>
    (await controllerStatus(lab.relay)).backends.flatMap(({ forwards }) => forwards.map(({ spec }) => spec));

  it('can be added', async () => {
    expectDone(await controller('forward', 'add', 'home', '8080=80/tcp', '5300/udp'));
    expect(await specs()).to.have.members(['80/tcp', '8080=80/tcp', '5300/udp']);
    await expectTcp(lab, 8080, nginx);
    await expectUdp(lab, 5300, echo);
  });

  it('are listed', async () => {
    const { stdout, exitCode } = await controller('forward', 'list', 'home');
    expect(exitCode).to.equal(0);
    for (const spec of ['80/tcp', '8080=80/tcp', '5300/udp']) expect(stdout).to.include(spec);
  });

  it('can be removed, and the others stay', async () => {
    expectDone(await controller('forward', 'remove', 'home', '8080=80/tcp'));
    expect(await specs()).to.have.members(['80/tcp', '5300/udp']);
    expect((await tcpGet(lab.client, address.relay, 8080)).errors.join()).to.match(/ECONNREFUSED/);
    await expectTcp(lab, 80, nginx);
  });

  it('take over a UDP flow that was there before, at once', async () => {
    const asking = udpAsk(lab.client, address.relay, 5301, 40);
    const flows = ['conntrack', '-L', '-p', 'udp', '--orig-port-dst', '5301'];
    await poll('the flow in conntrack', 5_000, async () => {
      const { stdout } = await lab.relay.run(flows);
      return stdout.includes('dport=5301') ? true : undefined;
    });
    expectDone(await controller('forward', 'add', 'home', '5301=5300/udp'));
    const { localPort, reply } = await asking;
    expect(reply).to.equal(`${address.client}:${localPort}`);
    expectDone(await controller('forward', 'remove', 'home', '5301=5300/udp'));
    expect((await udpAsk(lab.client, address.relay, 5301, 2)).reply).to.equal(null);
  });

  it('given again are no change', async () => {
    const before = await specs();
    expectDone(await controller('forward', 'add', 'home', '80/tcp'));
    expect(await specs()).to.deep.equal(before);
  });

  it('given again to `pair` are no change, and everything is proven again', async () => {
    const before = await specs();
    const again = startPair(lab.relay, 'home', ['80/tcp']);
    expect(await again.process.ended, again.process.stderr()).to.equal(0);
    const events = again.events();
    expect(events.map(({ event }) => event)).not.to.include('token');
    expect(events.at(-1)).to.include({ event: 'done', ok: true });
    expect(await specs()).to.deep.equal(before);
  });

  it('of another backend on the same port are refused by its name', async () => {
    expectRefused(await controller('pair', 'other', '--forward', '80/tcp'), 2, /home/);
    expect((await controllerStatus(lab.relay)).backends.map(({ name }) => name)).to.deep.equal(['home']);
  });

  it('of one protocol leave the other: 53/tcp+udp without 53/udp is 53/tcp', async () => {
    expectDone(await controller('forward', 'add', 'home', '53/tcp+udp'));
    expectDone(await controller('forward', 'remove', 'home', '53/udp'));
    expect(await specs())
      .to.include('53/tcp')
      .and.not.include('53/udp')
      .and.not.include('53/tcp+udp');
  });
});
