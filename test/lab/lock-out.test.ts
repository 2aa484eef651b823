/** Nobody locks the operator out: SSH sessions to both machines stay usable, and new ones open, whatever is done with homeward. */
import { expect } from 'chai';
import { noGuardLeft } from '../support/guards.js';
import { controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp, startPair } from '../support/pairing.js';
import { patient } from '../support/patience.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { blockSecondWay, laySecondWay, openSecondWay, secondWay } from '../support/second-way.js';
import { type Service, startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { expectLogin, openSession, type SshSession, startSshd } from '../support/ssh.js';
import { expectDone, expectRefused } from '../support/tidy.js';

describe('the operator', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let other: Service;
  let echo: UdpEcho;
  let sessions: SshSession[];

  before(async () => {
    lab = await createLab();
    await laySecondWay(lab);
    [nginx, other, echo] = await Promise.all([
      startNginx(lab.backend, 80),
      startNginx(lab.backend, 8080),
      startUdpEcho(lab.backend, 5300),
    ]);
    await Promise.all([startSshd(lab.relay, lab.client), startSshd(lab.backend, lab.lan)]);
    sessions = await Promise.all([openSession(lab.client, address.relay), openSession(lab.lan, address.backend)]);
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  /** The sessions from before everything go on, and others can be opened. */
  const expectNotLockedOut = async (): Promise<void> => {
    await Promise.all(sessions.map(({ expectUsable }) => expectUsable()));
    await Promise.all([expectLogin(lab.client, address.relay), expectLogin(lab.lan, address.backend)]);
  };

  /** The single forward, and two ports that only `all` has. */
  const expectEverythingServed = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectTcp(lab, 8080, other);
    await expectUdp(lab, 5300, echo);
  };

  const changeToBadWay = async (confirmTimeout: string) => {
    await blockSecondWay(lab.backend);
    return startPair(
      lab.relay,
      'home',
      [],
      [...['--tunnel', 'external', '--device', secondWay, '--confirm-timeout', confirmTimeout]],
    );
  };

  it('is not locked out by pairing', async () => {
    paired = await pairUp(lab, { forwards: ['80/tcp'] });
    await expectNotLockedOut();
    await expectTcp(lab, 80, nginx);
  });

  it('is not locked out by a forward of everything, and gets no forward of SSH', async () => {
    expectRefused(await controller('forward', 'add', 'home', '1-65535/tcp'), 2, /22\/tcp|SSH/);
    await expectNotLockedOut();
    expectDone(await controller('forward', 'add', 'home', 'all'));
    const forwards = (await controllerStatus(lab.relay)).backends[0]?.forwards.map(({ spec, state }) => [spec, state]);
    expect(forwards).to.deep.equal([
      ['80/tcp', 'active'],
      ['all', 'active'],
    ]);
    await expectNotLockedOut();
    await expectEverythingServed();
  });

  it('is not locked out by a tunnel that does not work, before and after it is undone', async () => {
    expectDone(await homeward(lab.backend, 'agent', ['device', secondWay]));
    const pairing = await changeToBadWay('1m');
    await pairing.event('applied');
    await expectNotLockedOut();
    expect(await pairing.process.ended, pairing.process.stderr()).to.equal(1);
    await expectNotLockedOut();
    await openSecondWay(lab.backend);
    await expectEverythingServed();
  });

  it('is not locked out when both daemons are killed in the middle of it, and clients are served again', async () => {
    const pairing = await changeToBadWay(`${patient(15)}s`);
    await pairing.event('applied');
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await expectNotLockedOut();
    await noGuardLeft(lab, 60_000);
    await expectNotLockedOut();
    await openSecondWay(lab.backend);
    await poll('served clients', 30_000, async () => {
      await expectEverythingServed();
      return true;
    });
  });

  it('is not locked out by daemons that start again, nor by down', async () => {
    await startDaemon(lab.relay, 'controller');
    start(lab.backend, 'agent', ['run']);
    await poll('the backend online', 20_000, async () =>
      (await controllerStatus(lab.relay)).backends[0]?.state === 'online' ? true : undefined,
    );
    await expectNotLockedOut();
    await expectEverythingServed();
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectNotLockedOut();
    expectDone(await controller('down'));
    await expectNotLockedOut();
  });
});
