/** A relay, or somebody in its place, that means harm: the agent's link stays alive and small, and tries again. */

import type { Socket } from 'node:net';
import type { ControllerLinkDeps } from '@homeward/agent/link/controller-link';
import type { ControllerMessage } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { eventually, pairedKey, type Rig, startRig } from '../server/rig.js';
import {
  type Behaviour,
  type FakeController,
  fakeController,
  keylessController,
  pour,
  rawServer,
  rawSocketOf,
  sendText,
} from './fake-controller.js';
import { runLink } from './running-link.js';

const MIB = 1024 * 1024;
/** What this process may grow by, which is both ends of each attack. */
const GROWTH_LIMIT = 96 * MIB;
const WELCOME = '{"type":"welcome","name":"home","urls":["ws://a"]}';

/** The head of a websocket frame from a server (RFC 6455, 5.2): opcode, whether it is the last part, and the declared length. */
function frameHead(opcode: number, isLast: boolean, length: number): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (isLast ? 0x80 : 0) | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

describe('link: a hostile controller', () => {
  let rig: Rig;
  const started: FakeController[] = [];
  let stop: () => Promise<unknown> = async () => undefined;
  let states: string[];
  let details: string[];
  let messages: ControllerMessage[];
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(async () => {
    await stop();
    for (const server of started.splice(0)) server.close();
    await rig.close();
  });

  async function opened(server: Promise<FakeController>): Promise<FakeController> {
    started.push(await server);
    return server;
  }
  const paired = (behave: Behaviour) => opened(fakeController(rig.identity, behave));
  const keyless = (behave: (socket: Socket) => void) => opened(keylessController(behave));
  const raw = (behave: (socket: Socket) => void) => opened(rawServer(behave));

  /** One agent at a time. */
  async function run(url: string, more: Partial<ControllerLinkDeps> = {}): Promise<void> {
    await stop();
    ({ states, details, messages, stop } = runLink(rig, pairedKey(rig), { urls: () => [url], ...more }));
  }
  const failures = (): number => states.filter((state) => state === 'offline').length;

  /** Proves that this agent still takes an honest relay. */
  async function takesAnHonestOne(): Promise<void> {
    await run(rig.url);
    await eventually('online at an honest relay', () => states.at(-1) === 'online');
  }

  /** Runs against one, until `over`, and gives how much memory was used at most beside what there was. */
  async function growth(url: string, over: () => boolean, limitMs = 20_000): Promise<number> {
    const before = process.memoryUsage.rss();
    let most = before;
    await run(url);
    await eventually(
      'the end of the attack',
      () => {
        most = Math.max(most, process.memoryUsage.rss());
        return over();
      },
      limitMs,
    );
    return most - before;
  }

  it('declares, and sends, a frame of 100 MiB: it is cut at once, before and after its key is proven', async () => {
    let sent = 0;
    const part = Buffer.alloc(64 * 1024);
    const flood = (socket: Socket): void => {
      socket.write(frameHead(2, true, 100 * MIB));
      pour(socket, part, 100 * MIB, (sum) => {
        sent = Math.max(sent, sum);
      });
    };
    const controllers = [await keyless(flood), await paired((socket) => flood(rawSocketOf(socket)))];
    for (const { url } of controllers) {
      sent = 0;
      expect(await growth(url, () => failures() >= 2)).to.be.below(GROWTH_LIMIT);
      expect(sent).to.be.below(100 * MIB);
      expect(states).not.to.include('online');
      await takesAnHonestOne();
    }
  });

  it('never ends its message: fragments of all sizes, and messages in ever more parts', async () => {
    const fragment = (size: number, opcode = 0) => Buffer.concat([frameHead(opcode, false, size), Buffer.alloc(size)]);
    for (const size of [0, 1, 1000]) {
      const flood = (socket: Socket): void => {
        socket.write(fragment(size, 2));
        pour(socket, Buffer.concat(Array.from({ length: 100 }, () => fragment(size))), 100 * MIB, () => undefined);
      };
      const { url } = await keyless(flood);
      expect(await growth(url, () => failures() >= 2), `${size} bytes`).to.be.below(GROWTH_LIMIT);
    }
    const parts = await paired((socket, transport) => {
      for (const frame of transport.seal(Buffer.alloc(8 * MIB))) socket.send(frame);
    });
    expect(await growth(parts.url, () => failures() >= 2)).to.be.below(GROWTH_LIMIT);
    expect(details.some((detail) => detail.includes('a message that is too long'))).to.equal(true);
    await takesAnHonestOne();
  });

  it('sends pings without end and reads no answer: the answers do not pile up', async () => {
    let poured = 0;
    const ping = Buffer.concat([Buffer.of(0x89, 125), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
    const { url } = await keyless((socket) => {
      socket.pause();
      pour(socket, pings, 100 * MIB, (sum) => {
        poured = sum;
      });
    });
    expect(await growth(url, () => poured >= 100 * MIB)).to.be.below(GROWTH_LIMIT);
    await takesAnHonestOne();
  });

  it('sends offers faster than they are taken: they wait at the relay, over sessions too', async () => {
    const spec = (index: number) => `"${1 + (index % 65_000)}/tcp"`;
    const offer = JSON.stringify({
      ...{ type: 'offer', revision: 1, tunnel: { kind: 'external', relayAddress: '10.8.0.1', relayAddress6: null } },
      forwards: [],
    }).replace('[]', `[${Array.from({ length: 20_000 }, (_, index) => spec(index)).join(',')}]`);
    const { url } = await paired((socket, transport) => {
      sendText(socket, transport, WELCOME);
      for (let index = 0; index < 40; index += 1) sendText(socket, transport, offer);
      socket.close();
    });
    let taken = 0;
    let handle: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      handle = resolve;
    });
    await run(url, {
      async onMessage() {
        taken += 1;
        await gate;
      },
    });
    // One chunk of the socket may hold some more when reading is paused, of these messages none.
    await eventually('as many as wait', () => taken === 8);
    await eventually('the relay has done', () => states.filter((state) => state === 'connecting').length === 1);
    expect(taken).to.equal(8);
    handle();
    await eventually('the next session', () => states.filter((state) => state === 'connecting').length > 1);
    expect(taken).to.be.at.least(41);
  });

  it('redirects elsewhere: nobody goes there', async () => {
    let visits = 0;
    const other = await raw(() => {
      visits += 1;
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await raw((socket) => {
        const location = other.url.replace('ws:', 'http:');
        socket.end(`HTTP/1.1 ${status} Moved\r\nLocation: ${location}/\r\nContent-Length: 0\r\n\r\n`);
      });
      await run(url);
      await eventually('two tries', () => failures() >= 2);
      expect(details.find((detail) => detail.includes('no homeward relay'))).to.include(`HTTP ${status}`);
    }
    expect(visits).to.equal(0);
  });

  it('answers the upgrade never, half, byte by byte, with endless heads or bodies: each try ends in time', async () => {
    const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n';
    const answers: ((socket: Socket) => void)[] = [
      () => undefined,
      (socket) => void socket.write(upgraded),
      (socket) => {
        const bytes = [...upgraded.repeat(50)];
        const timer = setInterval(() => socket.write(bytes.shift() ?? 'x'), 1);
        socket.once('close', () => clearInterval(timer));
      },
      (socket) => void socket.write(`${upgraded}Sec-WebSocket-Accept: wrong\r\nConnection: Upgrade\r\n\r\n`),
      (socket) => pour(socket, Buffer.from(`X-Head: ${'x'.repeat(8000)}\r\n`), 100 * MIB, () => undefined),
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n');
        pour(socket, Buffer.alloc(64 * 1024), 100 * MIB, () => undefined);
      },
      (socket) => pour(socket, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(500)), 100 * MIB, () => undefined),
    ];
    for (const [index, answer] of answers.entries()) {
      const { url } = await raw(answer);
      const before = process.memoryUsage.rss();
      await run(url, { timings: { dialTimeoutMs: 400 } });
      await eventually(`answer ${index} is given up twice`, () => failures() >= 2, 10_000);
      expect(process.memoryUsage.rss() - before, `answer ${index}`).to.be.below(GROWTH_LIMIT);
      expect(states).not.to.include('online');
    }
    await takesAnHonestOne();
  });

  it('says what no homeward says, in JSON as deep and strange as it can be', async () => {
    const url = (text: string) => JSON.stringify({ type: 'welcome', name: 'home', urls: [text] });
    const list = (urls: unknown) => JSON.stringify({ type: 'welcome', name: 'home', urls });
    const hostile: Readonly<Record<string, string>> = {
      'a million brackets': '['.repeat(1_000_000),
      'a hundred thousand objects in each other': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
      'a deep field': `{"type":"ping","id":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'another prototype': '{"__proto__":{"type":"ping"},"id":1}',
      'a prototype beside': '{"type":"ping","id":1,"__proto__":{"polluted":true}}',
      'a constructor': '{"type":"ping","id":1,"constructor":{"prototype":{"polluted":true}}}',
      'the name of a method as its type': '{"type":"toString"}',
      'a number that is none': '{"type":"ping","id":1e400}',
      'no addresses': list([]),
      'ten thousand addresses': list(Array.from({ length: 10_000 }, (_, index) => `ws://relay-${index}`)),
      'a list that is none': list({ length: 1, 0: 'ws://a' }),
      'a script for an address': url('javascript:alert(1)'),
      'a file for an address': url('file:///etc/shadow'),
      'a socket of this machine': url('ws+unix:///run/homeward/agent.sock'),
      'a page for an address': url('http://relay.example/'),
      'an address that is none': url('ws://[broken'),
      'an address without a host': url('ws://'),
      'an address of a long name': url(`ws://${'a'.repeat(5000)}`),
      'an address that steers the terminal': url('ws://a/\u001b]0;owned\u0007'),
      'an address with a line break': url('ws://a/\r\nHost: b'),
      'a name that is a path': '{"type":"welcome","name":"../../etc","urls":["ws://a"]}',
      'a name that steers the terminal': '{"type":"welcome","name":"\\u001b[2J","urls":["ws://a"]}',
    };
    for (const [what, text] of Object.entries(hostile)) {
      const { url: fake } = await paired((socket, transport) => {
        sendText(socket, transport, text);
      });
      await run(fake);
      await eventually(`closed for ${what}`, () => failures() >= 1);
      expect(messages, what).to.deep.equal([]);
      expect(states, what).not.to.include('online');
    }
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
    await takesAnHonestOne();
  });
});
