/** Ten thousand forwards: set, listed, changed and kept through a restart without strain. */
import { expect } from 'chai';
import { controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { watchKernel } from '../support/kernel-watch.js';
import { createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { type Service, startListener, startNginx } from '../support/services.js';
import { expectDone } from '../support/tidy.js';
import { median, timesToLive } from '../support/time-to-live.js';

const count = 10_000;
/** Half of them TCP to nginx, half UDP to ports of their own. */
const specs = Array.from({ length: count }, (_, index) =>
  index % 2 === 0 ? `${10_000 + index}=80/tcp` : `${10_000 + index}/udp`,
);
/** Enough that a moment in which the machine is busy with something else does not make the median. */
const more = Array.from({ length: 11 }, (_, index) => 30_000 + index);
/** The same number, before there are many. */
const few = more.map((port) => port + 1000);
/** How much longer one more may take beside ten thousand than beside a few: nearly all of it is the same work. In milliseconds: npm run bench. */
const atMostTimes = 4;

describe('ten thousand forwards', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let besideFew: number[];

  before(async () => {
    lab = await createLab();
    [nginx] = await Promise.all([
      startNginx(lab.backend, 80),
      ...[...few, ...more].map((port) => startListener(lab.backend, `on-${port}`, port)),
    ]);
    paired = await pairUp(lab, { forwards: ['80/tcp'] });
    besideFew = await timesToLive(lab, few);
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  const expectActive = async (number: number): Promise<void> => {
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home?.state).to.equal('online');
    expect(home?.forwards.filter(({ state }) => state === 'active')).to.have.length(number);
  };

  /** What was written, as `set port`. */
  const written = (lines: readonly string[]): string[] =>
    lines
      .filter((line) => !line.startsWith('# new generation'))
      .map((line) => /^add element inet homeward_\w+ (\S+) \{ .*?tcp \. (\d+)\b/.exec(line)?.slice(1).join(' ') ?? line)
      .sort();

  it('are set by one command', async () => {
    expectDone(await controller('forward', 'add', 'home', ...specs));
    await expectTcp(lab, 10_000, nginx);
    await expectTcp(lab, 19_998, nginx);
  });

  it('are listed, and shown as active', async () => {
    const { stdout } = await controller('forward', 'list', 'home');
    expect(stdout.trim().split('\n')).to.have.length(count + 1 + few.length);
    await expectActive(count + 1 + few.length);
  });

  it(`let one more in nearly as soon as a few do, and only its own elements are written`, async () => {
    const [relay, backend] = await Promise.all([watchKernel(lab.relay), watchKernel(lab.backend)]);
    const besideMany = await timesToLive(lab, more);
    const relaySets = ['any4', 'any6', 'bytes-in4', 'bytes-in6', 'bytes-out4', 'bytes-out6'];
    const ofEach = (sets: readonly string[]) => sets.flatMap((set) => more.map((port) => `${set} ${port}`)).sort();
    expect(written(await relay.end())).to.deep.equal(ofEach(relaySets));
    expect(written(await backend.end())).to.deep.equal(ofEach(['allowed4', 'allowed6']));
    expect(median(besideMany), `milliseconds: ${besideFew.join(', ')}, then ${besideMany.join(', ')}`).to.be.at.most(
      atMostTimes * median(besideFew),
    );
  });

  it('survive a restart of both daemons, and nothing is written', async () => {
    const watches = await Promise.all([watchKernel(lab.relay), watchKernel(lab.backend)]);
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await startDaemon(lab.relay, 'controller');
    start(lab.backend, 'agent', ['run']);
    await poll('the backend online with all its forwards', 20_000, async () => {
      await expectActive(count + 1 + few.length + more.length);
      return true;
    });
    // No change: both sides go through the whole of it once more, and say when they are done.
    expectDone(await controller('forward', 'add', 'home', '80/tcp'));
    expect(await Promise.all(watches.map((watch) => watch.end()))).to.deep.equal([[], []]);
    await expectTcp(lab, 10_000, nginx);
  });
});
