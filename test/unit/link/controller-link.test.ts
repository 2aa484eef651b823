/** The agent's link against the real server: coming online, coming back, and telling a refusal from a loss. */

import { createServer } from 'node:http';
import type { ControllerLinkDeps, LinkTimings } from '@homeward/agent/link/controller-link';
import { decodeMessage } from '@homeward/shared/protocol/codec';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import { SUBPROTOCOL } from '@homeward/shared/session/wire';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import { connect, eventually, helloOf, online, pairedKey, type Rig, startRig } from '../server/rig.js';
import { type Behaviour, type FakeController, fakeController, sendText } from './fake-controller.js';
import { type RunningLink, runLink } from './running-link.js';

describe('link: controller link', () => {
  let rig: Rig;
  let running: RunningLink | null = null;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(async () => {
    await running?.stop();
    running = null;
    await rig.close();
  });

  function run(identity: KeyPair, more: Partial<ControllerLinkDeps> = {}): RunningLink {
    running = runLink(rig, identity, more);
    return running;
  }
  const isOnline = ({ states }: RunningLink): boolean => states.at(-1) === 'online';

  it('comes online, speaks both ways, and knows its endpoint', async () => {
    const key = pairedKey(rig);
    const link = run(key);
    await eventually('online', () => isOnline(link) && link.messages.length === 1);
    expect(link.states).to.deep.equal(['connecting', 'online']);
    expect(link.messages[0]).to.include({ type: 'welcome', name: 'home' });
    expect(link.link.endpoint()).to.deep.equal({ url: rig.url, host: '127.0.0.1', localAddress: '127.0.0.1' });
    expect(rig.sessions[0]?.hello.outerAddress).to.equal('127.0.0.1');

    link.link.send({ type: 'report', drift: [] });
    await eventually('the report', () => rig.received.length === 1);
    rig.server.find(key.publicKey)?.send({ type: 'unpair' });
    await eventually('the notice', () => link.messages.some(({ type }) => type === 'unpair'));
    await link.stop();
    expect(link.link.endpoint()).to.equal(null);
    link.link.send({ type: 'leave' });
  });

  it('answers pings', async () => {
    const heard: unknown[] = [];
    const fake = await fakeController(rig.identity, (socket, transport) => {
      socket.on('message', (data: Buffer) => {
        const bytes = transport.open(data);
        if (bytes !== null) heard.push(decodeMessage(bytes));
        if (heard.length === 1) sendText(socket, transport, '{"type":"ping","id":41}');
      });
    });
    run(pairedKey(rig), { urls: () => [fake.url] });
    await eventually('the pong', () => heard.length === 2);
    expect(heard[0]).to.have.property('type', 'hello');
    expect(heard[1]).to.deep.equal({ type: 'pong', id: 41 });
    fake.close();
  });

  it('comes back when the relay restarts', async () => {
    const key = pairedKey(rig);
    const link = run(key);
    await eventually('online', () => isOnline(link));
    const { port, identity, authority } = rig;
    await rig.close();
    await eventually('offline', () => link.states.includes('offline'));
    rig = await startRig({ port, identity, authority });
    await eventually('online again', () => rig.sessions.length === 1 && isOnline(link));
    expect(link.states).not.to.include('refused');
  });

  it('tries the next URL when one is dead, and starts with the one that worked', async () => {
    const dead = 'ws://127.0.0.1:1';
    const link = run(pairedKey(rig), { urls: () => [dead, rig.url] });
    await eventually('online', () => isOnline(link));
    expect(link.details[1]).to.equal(`${dead}: connection refused`);
    rig.sessions[0]?.close('test');
    await eventually('online again', () => rig.sessions.length === 2 && isOnline(link));
    expect(link.details.filter((detail) => detail === dead)).to.have.lengthOf(1);
  });

  describe('at a relay that ends each session after its welcome', () => {
    let dropping: FakeController;
    beforeEach(async () => {
      dropping = await fakeController(rig.identity, (socket, transport) => {
        sendText(socket, transport, '{"type":"welcome","name":"home","urls":["ws://a"]}');
        socket.close();
      });
    });
    afterEach(() => dropping.close());

    /** The pauses before the next seven sessions, taken without their time. */
    async function pausesOf(timings: LinkTimings): Promise<number[]> {
      const pauses: number[] = [];
      const link = run(pairedKey(rig), {
        timings,
        urls: () => [dropping.url],
        random: () => 0.5,
        pause: async (delayMs) => void pauses.push(delayMs),
      });
      await eventually('seven sessions', () => pauses.length >= 7, 10_000);
      expect(link.states.slice(0, 3)).to.deep.equal(['connecting', 'online', 'offline']);
      return pauses.slice(0, 7);
    }

    it('dials at once, and then ever more slowly', async () => {
      expect(await pausesOf({})).to.deep.equal([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    });

    it('dials at once after each that had lived', async () => {
      expect(await pausesOf({ settledAfterMs: 0 })).to.deep.equal(Array(7).fill(500));
    });
  });

  it('never takes a lost connection or another controller for a refusal', async () => {
    const link = run(generateKeyPair());
    await eventually('several tries', () => link.states.filter((state) => state === 'offline').length >= 3);
    expect(link.states).not.to.include('refused');
    await link.stop();
    const stranger = run(pairedKey(rig), { controllerKey: generateKeyPair().publicKey });
    await eventually('several tries', () => stranger.states.filter((state) => state === 'offline').length >= 3);
    expect(stranger.states).not.to.include('refused');
    expect(rig.sessions).to.have.lengthOf(0);
  });

  it('shows a refusal of the relay itself, keeps trying, and recovers', async () => {
    let nowMs = 0;
    await rig.close();
    rig = await startRig({ now: () => nowMs });
    const key = pairedKey(rig);
    for (const bootId of ['boot-a', 'boot-b', 'boot-a']) await online(rig, key, bootId);
    const fourth = await connect(rig, key);
    fourth.send(helloOf('boot-b'));
    await fourth.next('refused');
    const link = run(key);
    await eventually('refused', () => link.states.includes('refused'));
    nowMs += 3_600_000;
    await eventually('online', () => isOnline(link));
  });

  it('notices a relay that went silent', async () => {
    const link = run(pairedKey(rig), { timings: { deadAfterMs: 60 } });
    await eventually('silent', () => link.details.some((detail) => detail.endsWith('the relay is silent')));
  });

  it('keeps a relay that only pings', async () => {
    let pongs = 0;
    const fake = await fakeController(rig.identity, (socket, transport) => {
      sendText(socket, transport, '{"type":"welcome","name":"home","urls":["ws://a"]}');
      const pings = setInterval(() => sendText(socket, transport, '{"type":"ping","id":1}'), 10);
      socket.on('close', () => clearInterval(pings));
      socket.on('message', () => (pongs += 1));
    });
    const link = run(pairedKey(rig), { urls: () => [fake.url], timings: { deadAfterMs: 200 } });
    await eventually('two lifetimes of pings', () => pongs > 40);
    expect(link.states).to.deep.equal(['connecting', 'online']);
    await link.stop();
    fake.close();
  });

  it('gives up a dial that is never answered', async () => {
    const mute = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
    await new Promise((resolve) => mute.once('listening', resolve));
    const { port } = mute.address() as { port: number };
    const link = run(pairedKey(rig), { urls: () => [`ws://127.0.0.1:${port}`], timings: { dialTimeoutMs: 50 } });
    await eventually('gave up', () => link.details.some((detail) => detail.endsWith('no answer in 1 s')));
    await link.stop();
    mute.close();
  });

  it('says which side to upgrade where the relay speaks another version of the protocol', async () => {
    for (const [theirs, upgrade] of [['homeward.v2', 'this backend'] as const, ['homeward.v0', 'the relay'] as const]) {
      const other = createServer((_request, response) => {
        response.writeHead(426, { 'sec-websocket-protocol': theirs }).end();
      });
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
      const { port } = other.address() as { port: number };
      const link = run(pairedKey(rig), { urls: () => [`ws://127.0.0.1:${port}`] });
      await eventually('told', () => link.details.some((detail) => detail.endsWith(`: upgrade ${upgrade}`)));
      expect(link.states).to.not.include('refused');
      await link.stop();
      other.close();
    }
  });

  it('tells the version of a relay that says what is not known here', async () => {
    const fake = await fakeController(rig.identity, (socket, transport) => {
      sendText(socket, transport, '{"type":"welcome","name":"home","urls":["ws://a"],"version":"9.9.9","motto":"new"}');
      sendText(socket, transport, '{"type":"teleport"}');
    });
    const link = run(pairedKey(rig), { urls: () => [fake.url] });
    await eventually('told', () =>
      link.details.some((detail) => /upgrade this backend, .*\(the relay runs homeward 9\.9\.9\)$/.test(detail)),
    );
    await link.stop();
    fake.close();
  });

  it('closes for forged, unknown and untimely messages of a controller', async () => {
    const welcome = '{"type":"welcome","name":"home","urls":["ws://a"]}';
    const behaviours: Behaviour[] = [
      (socket) => socket.send('text'),
      (socket) => socket.send(Buffer.alloc(40)),
      (socket, transport) => sendText(socket, transport, '{"type":"exec"}'),
      (socket, transport) => sendText(socket, transport, '{"type":"observe","id":1,"action":"start","watch":[]}'),
      (socket, transport) => sendText(socket, transport, '{"type":"welcome","name":"$(id)","urls":["ws://a"]}'),
      (socket, transport) => {
        transport.seal(Buffer.from(welcome));
        sendText(socket, transport, welcome);
      },
    ];
    for (const behave of behaviours) {
      const fake = await fakeController(rig.identity, behave);
      const link = run(pairedKey(rig), { urls: () => [fake.url] });
      await eventually('closed', () => link.states.includes('offline'));
      expect(link.states).not.to.include('online');
      expect(link.messages).to.deep.equal([]);
      await link.stop();
      fake.close();
    }
  });

  it('survives a consumer that throws', async () => {
    const link = run(pairedKey(rig), {
      onMessage: () => {
        throw new Error('consumer fault');
      },
    });
    await eventually('online', () => isOnline(link));
    link.link.send({ type: 'leave' });
    await eventually('the session works', () => rig.received.length === 1);
  });

  it('tries again when its hello cannot be made', async () => {
    let tries = 0;
    const link = run(pairedKey(rig), {
      async hello() {
        tries += 1;
        if (tries === 1) throw new Error('no key yet');
        return helloOf();
      },
    });
    await eventually('online', () => isOnline(link));
    expect(tries).to.equal(2);
  });
});
