/** Nobody locks the operator out: SSH sessions to both machines stay usable, and new ones open, whatever is done with homeward. */
import { expect } from 'chai';
import { noGuardLeft } from '../support/guards.js';
import { controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp, startPair } from '../support/pairing.js';
import { patient } from '../support/patience.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { blockSecondWay, laySecondWay, openSecondWay, secondWay } from '../support/second-way.js';
import { type Service, startNginx } from '../support/services.js';
import { expectLogin, openSession, type SshSession, startSshd } from '../support/ssh.js';
import { expectDone, expectRefused } from '../support/tidy.js';

/** Every port of the relay but SSH's, the control channel's, the tunnel's, and 80/tcp, which is forwarded by then. */
const everything = ['1-21/tcp', '23-79/tcp', '81-7699/tcp', '7701-65535/tcp', '1-51819/udp', '51821-65535/udp'];

describe('the operator', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let sessions: SshSession[];

  before(async () => {
    lab = await createLab();
    await laySecondWay(lab);
    nginx = await startNginx(lab.backend, 80);
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

  it('is not locked out by forwards of every other port, and gets no forward of SSH', async () => {
    expectRefused(await controller('forward', 'add', 'home', '1-65535/tcp'), 2, /22\/tcp|SSH/);
    await expectNotLockedOut();
    expectDone(await controller('forward', 'add', 'home', ...everything));
    expect((await controllerStatus(lab.relay)).backends[0]?.forwards.map(({ state }) => state)).to.deep.equal(
      ['80/tcp', ...everything].fill('active'),
    );
    await expectNotLockedOut();
    await expectTcp(lab, 80, nginx);
  });

  it('is not locked out by a tunnel that does not work, before and after it is undone', async () => {
    expectDone(await homeward(lab.backend, 'agent', ['device', secondWay]));
    const pairing = await changeToBadWay('1m');
    await pairing.event('applied');
    await expectNotLockedOut();
    expect(await pairing.process.ended, pairing.process.stderr()).to.equal(1);
    await expectNotLockedOut();
    await openSecondWay(lab.backend);
    await expectTcp(lab, 80, nginx);
  });

  it('is not locked out when both daemons are killed in the middle of it, and clients are served again', async () => {
    const pairing = await changeToBadWay(`${patient(15)}s`);
    await pairing.event('applied');
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await expectNotLockedOut();
    await noGuardLeft(lab, 60_000);
    await expectNotLockedOut();
    await openSecondWay(lab.backend);
    await poll('a served client', 20_000, async () => {
      await expectTcp(lab, 80, nginx);
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
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectNotLockedOut();
    expectDone(await controller('down'));
    await expectNotLockedOut();
  });
});
