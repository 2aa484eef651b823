/** Clocks that jump by years, forward and back, under running daemons: traffic and sessions go on, and a token is worth what it was made for. */
import { rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  agentStatus,
  controllerStatus,
  homeward,
  probe,
  start,
  startDaemon,
  stateDirectory,
} from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { Outcome } from '../support/lab-node.js';
import { provenInTheEnd, startPair, tokenOf } from '../support/pairing.js';
import type { Running } from '../support/running.js';
import { startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';
import { startUdpStream, type UdpStream } from '../support/udp-stream.js';

const clockFile = '/run/homeward-clock';
const yearMs = 365 * 86_400_000;

/** A program with a clock of its own. */
const adrift = {
  env: {
    NODE_OPTIONS: `--import=${new URL('../support/clock/preload.js', import.meta.url).href}`,
    HOMEWARD_TEST_CLOCK: clockFile,
  },
};

describe('a clock that jumps', () => {
  let lab: Lab;
  let daemons: Running[];
  let stream: UdpStream;

  before(async () => {
    lab = await createLab();
    await startUdpEcho(lab.backend, 5300);
    const controller = await startDaemon(lab.relay, 'controller', [], adrift);
    const pairing = startPair(lab.relay, 'home', ['5300/udp']);
    const token = await tokenOf(pairing);
    expectDone(await homeward(lab.backend, 'agent', ['enroll'], { input: `${token}\n` }));
    daemons = [controller, start(lab.backend, 'agent', ['run'], adrift)];
    expect(await pairing.process.ended, pairing.process.stderr()).to.equal(0);
    stream = await startUdpStream(lab.client, address.relay, 5300);
  });
  after(() => lab?.close());

  const jump = (years: number): void => {
    for (const node of [lab.relay, lab.backend]) writeFileSync(node.file(clockFile), String(years * yearMs));
  };
  const controller = (...args: string[]): Promise<Outcome> => homeward(lab.relay, 'controller', args);
  const create = async (name: string): Promise<string> => {
    const made = await controller('token', 'create', name, '--expires', '1h', '--json');
    expectDone(made);
    return (JSON.parse(made.stdout) as { token: string }).token;
  };
  const enroll = (token: string, directory: string): Promise<Outcome> =>
    homeward(lab.backend2, 'agent', ['enroll', '--timeout', '20s'], {
      input: `${token}\n`,
      env: { HOMEWARD_STATE_DIR: `${stateDirectory}/${directory}` },
    });

  const expectAllWell = async (): Promise<void> => {
    expect((await probe(lab.relay, ['home'])).report).to.have.property('ok', true);
    const { backends } = await controllerStatus(lab.relay);
    expect(backends.find(({ name }) => name === 'home')?.state).to.equal('online');
    expect((await agentStatus(lab.backend)).relays[0]?.state).to.equal('online');
  };

  const year = async (): Promise<number> => {
    const { proof } = (await controllerStatus(lab.relay)).backends.find(({ name }) => name === 'home') ?? {};
    return new Date(proof?.at ?? 0).getFullYear();
  };

  it('five years forward costs a stream nothing, and ends what was to end meanwhile', async () => {
    const token = await create('late');
    jump(5);
    await expectAllWell();
    expect(await year()).to.be.at.least(new Date().getFullYear() + 5);
    expectRefused(await enroll(token, 'late'), 1, /refused the token/);
    expectDone(await enroll(await create('late'), 'late'));
  });

  it('ten years back costs a stream nothing, and a token that was used is not good again', async () => {
    const token = await create('early');
    expectDone(await enroll(token, 'early'));
    jump(-5);
    await expectAllWell();
    expect(await year()).to.be.at.most(new Date().getFullYear() - 4);
    expectRefused(await enroll(token, 'stranger'), 1, /refused the token/);
    const list = await controller('token', 'list', '--json');
    const states = (JSON.parse(list.stdout) as { tokens: { state: string }[] }).tokens.map(({ state }) => state);
    expect(states).to.include('used-up').and.not.include('valid');
    expectDone(await enroll(await create('young'), 'young'));
  });

  it('daemons that start in another decade find everything as it was', async () => {
    for (const daemon of daemons) await daemon.kill();
    jump(20);
    daemons = [
      await startDaemon(lab.relay, 'controller', [], adrift),
      await startDaemon(lab.backend, 'agent', [], adrift),
    ];
    await provenInTheEnd(lab.relay, ['home']);
    await expectAllWell();
    for (const node of [lab.relay, lab.backend]) rmSync(node.file(clockFile));
    await expectAllWell();
    await stream.goesOn(10);
    expect(await stream.end(), 'lost datagrams').to.deep.equal([]);
  });
});
