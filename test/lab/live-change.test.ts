/** Changes under load: what was not changed loses nothing, and what is right already is not written again. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { controllerStatus, homeward, start } from '../support/homeward.js';
import { watchKernel } from '../support/kernel-watch.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { expectDone } from '../support/tidy.js';
import { startUdpStream, type UdpStream } from '../support/udp-stream.js';

const rounds = 6;
const forwards = ['80/tcp', '5300/udp'];

describe('a change', () => {
  let lab: Lab;
  let paired: Paired;
  let echo: UdpEcho;

  before(async () => {
    lab = await createLab();
    [echo] = await Promise.all([startUdpEcho(lab.backend, 5300), startNginx(lab.backend, 80)]);
    paired = await pairUp(lab, { forwards });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  /** Every datagram was answered by the relay, and the echo saw the client in each. */
  const expectNothingLost = async (stream: UdpStream): Promise<void> => {
    const lost = await stream.end();
    const answers = stream.answers();
    expect(lost, `lost of ${stream.sent()}`).to.deep.equal([]);
    expect(new Set(answers.map(({ seen }) => seen))).to.deep.equal(
      new Set([endpoint(address.client, stream.localPort)]),
    );
    expect(new Set(answers.map(({ from }) => from))).to.deep.equal(new Set([endpoint(address.relay, 5300)]));
    const heard = new Set(echo.heard());
    expect(answers.filter(({ number }) => !heard.has(`#${number}`))).to.deep.equal([]);
  };

  it('of other forwards costs a stream not one datagram', async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    for (let round = 0; round < rounds; round += 1) {
      const specs = [`${6000 + round}=5300/udp`, `${7000 + round}=80/tcp`, `8000-${8002 + round}/tcp`];
      expectDone(await controller('forward', 'add', 'home', ...specs));
      expectDone(await controller('forward', 'remove', 'home', ...specs));
    }
    await stream.goesOn(20);
    await expectNothingLost(stream);
  });

  it('of both daemons, killed and started again, costs nothing and writes nothing', async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await stream.goesOn(20);
    const watches = await Promise.all([watchKernel(lab.relay), watchKernel(lab.backend)]);
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await stream.goesOn(20);
    start(lab.relay, 'controller', ['serve']);
    start(lab.backend, 'agent', ['run']);
    await poll('the backend online with all its forwards', 15_000, async () => {
      const [home] = (await controllerStatus(lab.relay)).backends;
      expect(home?.state).to.equal('online');
      expect(home?.forwards.map(({ spec, state }) => ({ spec, state }))).to.deep.equal(
        forwards.map((spec) => ({ spec, state: 'active' })),
      );
      return true;
    });
    // No change: both sides go through the whole of it once more, and say when they are done.
    expectDone(await controller('forward', 'add', 'home', ...forwards));
    const written = await Promise.all(watches.map((watch) => watch.end()));
    expect(written).to.deep.equal([[], []]);
    await expectNothingLost(stream);
  });
});

describe('a pin that was lost', () => {
  let lab: Lab;
  let paired: Paired;

  before(async () => {
    lab = await createLab();
    await startUdpEcho(lab.backend, 5300);
    paired = await pairUp(lab, { forwards: ['5300/udp'] });
  });
  after(() => lab?.close());

  it('is back under traffic, and clients that never paused are seen with their own ports', async () => {
    const streams = await Promise.all(
      Array.from({ length: 4 }, () => startUdpStream(lab.client, address.relay, 5300, 2)),
    );
    await Promise.all(streams.map((stream) => stream.goesOn(20)));
    const pins = () => lab.backend.must('nft list set inet homeward_backend pinned4'.split(' '));
    const [pin = ''] = /[\d.]+ \. 5300/.exec(await pins()) ?? [];
    // While nobody mends it, the service answers each datagram on the way that the kernel chooses, and conntrack keeps that.
    process.kill(paired.agent.pid, 'SIGSTOP');
    await lab.backend.must(['nft', 'delete', 'element', 'inet', 'homeward_backend', 'pinned4', '{', pin, '}']);
    await lab.backend.must('conntrack -D -p udp --orig-port-dst 5300'.split(' '));
    await Promise.all(streams.map((stream) => stream.goesOn(50)));
    process.kill(paired.agent.pid, 'SIGCONT');
    await poll('the pin', 5_000, async () => ((await pins()).includes(pin) ? true : undefined));
    for (const stream of streams) {
      const own = endpoint(address.client, stream.localPort);
      const answersAfter = (number: number) =>
        stream.answers().filter((answer) => answer.number > number && answer.from === endpoint(address.relay, 5300));
      const back = stream.sent();
      await poll(`an answer to ${own}`, 2_000, () => answersAfter(back).find(({ seen }) => seen === own));
      const settled = stream.sent();
      await stream.goesOn(20);
      expect(new Set(answersAfter(settled).map(({ seen }) => seen))).to.deep.equal(new Set([own]));
      await stream.end();
    }
  });
});

describe('a UDP forward that goes to another backend', () => {
  let lab: Lab;
  let echoes: Record<'home' | 'nas', UdpEcho>;

  before(async () => {
    lab = await createLab();
    const [home, nas] = await Promise.all([startUdpEcho(lab.backend, 5300), startUdpEcho(lab.backend2, 5300)]);
    echoes = { home, nas };
    const { controller: running } = await pairUp(lab, { name: 'home', forwards: ['5300/udp'] });
    await pairUp({ relay: lab.relay, backend: lab.backend2 }, { name: 'nas', forwards: [], controller: running });
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  /** Whatever the stream sends from now on is answered, by the echo of this backend, which sees the client. */
  const expectServedBy = async (stream: UdpStream, backend: 'home' | 'nas', since: number): Promise<void> => {
    const last = await stream.goesOn(30);
    const numbers = Array.from({ length: last - since - 1 }, (_, index) => since + 1 + index);
    const heard = await poll(`datagrams ${since + 1} to ${last - 1} at ${backend}`, 2_000, () => {
      const texts = new Set(echoes[backend].heard());
      const missing = numbers.filter((number) => !texts.has(`#${number}`));
      if (missing.length > 0) throw new Error(`missing: ${missing.join(' ')}`);
      return texts;
    });
    const client = endpoint(address.client, stream.localPort);
    const answers = stream.answers().filter(({ number }) => numbers.includes(number));
    expect(answers.map(({ number }) => `#${number}`).filter((text) => !heard.has(text))).to.deep.equal([]);
    expect(answers).to.have.length(numbers.length);
    for (const answer of answers) expect(answer).to.include({ seen: client, from: endpoint(address.relay, 5300) });
  };

  it('is followed at once by a flow that goes on, and back again', async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await expectServedBy(stream, 'home', 0);
    for (const [from, to] of [['home', 'nas'] as const, ['nas', 'home'] as const]) {
      expectDone(await controller('forward', 'remove', from, '5300/udp'));
      const heardBefore = echoes[from].heard().length;
      expectDone(await controller('forward', 'add', to, '5300/udp'));
      await expectServedBy(stream, to, stream.sent());
      expect(echoes[from].heard(), `datagrams at ${from} after the move`).to.have.length(heardBefore);
    }
    await stream.end();
  });

  it("shows the client's own port although the service spoke to it by itself meanwhile", async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await expectServedBy(stream, 'home', 0);
    expectDone(await controller('forward', 'remove', 'home', '5300/udp'));
    // As a late answer does: by then the flow is forgotten, and this one begins another with the same two ends.
    await echoes.home.sendTo(address.client, stream.localPort);
    expectDone(await controller('forward', 'add', 'home', '5300/udp'));
    await expectServedBy(stream, 'home', stream.sent());
    await stream.end();
  });
});
