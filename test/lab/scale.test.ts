/** Ten thousand forwards: set, listed, changed and kept through a restart without strain. */
import { expect } from 'chai';
import { controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { watchKernel } from '../support/kernel-watch.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { script } from '../support/scripts.js';
import { type Service, startNginx } from '../support/services.js';
import { expectDone } from '../support/tidy.js';

const count = 10_000;
/** Half of them TCP to nginx, half UDP to ports of their own. */
const specs = Array.from({ length: count }, (_, index) =>
  index % 2 === 0 ? `${10_000 + index}=80/tcp` : `${10_000 + index}/udp`,
);

describe('ten thousand forwards', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;

  before(async () => {
    lab = await createLab();
    nginx = await startNginx(lab.backend, 80);
    paired = await pairUp(lab, { forwards: ['80/tcp'] });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  /** Milliseconds from the start of the command to the first connection of a client. */
  const timeToLive = async (port: number): Promise<number> => {
    const client = lab.client.spawn(script('clients/first-answer', address.relay, String(port)));
    await client.prints(/ready/);
    const startedAtMs = Date.now();
    expectDone(await controller('forward', 'add', 'home', `${port}=80/tcp`));
    const [, answeredAtMs] = await client.prints(/"answeredAtMs":(\d+)/);
    return Number(answeredAtMs) - startedAtMs;
  };

  it('are set by one command', async () => {
    const t=Date.now();
    expectDone(await controller('forward', 'add', 'home', ...specs));
    console.log('add', Date.now()-t);
    await expectTcp(lab, 10_000, nginx);
    await expectTcp(lab, 19_998, nginx);
  });

  it('are listed', async () => {
    const t=Date.now();
    const { stdout } = await controller('forward', 'list', 'home');
    console.log('list', Date.now()-t);
    expect(stdout.trim().split('\n')).to.have.length(count + 1);
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home?.forwards.filter(({ state }) => state === 'active')).to.have.length(count + 1);
    console.log('status', Date.now()-t);
  });

  it('let one more in within 150 ms of the command, and nothing else is written', async () => {
    const watches = await Promise.all([watchKernel(lab.relay), watchKernel(lab.backend)]);
    const times: number[] = [];
    for (const port of [30_000, 30_001, 30_002, 30_003, 30_004]) times.push(await timeToLive(port));
    const written = await Promise.all(watches.map((watch) => watch.end()));
    console.log(written, times);
    expect(times.sort((a, b) => a - b)[2]).to.be.at.most(150);
  });

  it('survive a restart of both daemons, and nothing is written', async () => {
    const watches = await Promise.all([watchKernel(lab.relay), watchKernel(lab.backend)]);
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    const t=Date.now();
    await startDaemon(lab.relay, 'controller');
    console.log('restart', Date.now()-t);
    start(lab.backend, 'agent', ['run']);
    await poll('the backend online with all its forwards', 15_000, async () => {
      const [home] = (await controllerStatus(lab.relay)).backends;
      const isBack = home?.state === 'online' && home.forwards.every(({ state }) => state === 'active');
      return isBack ? true : undefined;
    });
    console.log('online', Date.now()-t);
    expectDone(await controller('forward', 'add', 'home', '80/tcp'));
    expect(await Promise.all(watches.map((watch) => watch.end()))).to.deep.equal([[], []]);
    await expectTcp(lab, 10_000, nginx);
  });
});
