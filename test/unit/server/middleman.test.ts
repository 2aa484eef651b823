/** A network attacker between a real agent's link and the real server: what he can do is cut, and nothing else. */

import { createControllerLink } from '@homeward/agent/link/controller-link';
import type { AgentSession } from '@homeward/controller/server/agent-session';
import type { AgentMessage, ControllerMessage } from '@homeward/shared/protocol/messages';
import type { KeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { type Direction, type Middleman, startMiddleman, type Tamper } from './middleman.js';
import { closing, eventually, helloOf, openSocket, pairedKey, type Rig, startRig } from './rig.js';

/** What each side says in every session, in this order, after its greeting. */
const WORDS = [1, 2, 3];

/** Of a busy machine too; an agent that was cut comes back at once here. */
const LIMIT_MS = 20_000;

const flipped =
  (at: (length: number) => number): Tamper =>
  (frame, { pass }) => {
    const bytes = Buffer.from(frame);
    const index = at(bytes.length);
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    pass(bytes);
  };

const ATTACKS: Readonly<Record<string, Tamper>> = {
  'flips a bit at its beginning': flipped(() => 0),
  'flips a bit in its middle': flipped((length) => length >> 1),
  'flips a bit at its end': flipped((length) => length - 1),
  'cuts it by a byte': (frame, { pass }) => pass(frame.subarray(0, -1)),
  'leaves nothing of it': (_frame, { pass }) => pass(Buffer.alloc(0)),
  'makes it longer': (frame, { pass }) => pass(Buffer.concat([frame, Buffer.alloc(1)])),
  'drops it': () => undefined,
  'sends it twice': (frame, { pass }) => {
    pass(frame);
    pass(frame);
  },
  'sends it back': (frame, { reflect }) => reflect(frame),
  'sends it on and back': (frame, { pass, reflect }) => {
    pass(frame);
    reflect(frame);
  },
  'puts noise before it': (frame, { pass }) => {
    pass(Buffer.alloc(48, 7));
    pass(frame);
  },
  'lets the next one go first': (frame, { passLater }) => passLater(frame),
};

/** Handshake, greeting, and the first word after it. */
const POSITIONS: readonly [Direction, number][] = [
  ['up', 0],
  ['up', 1],
  ['up', 2],
  ['down', 0],
  ['down', 1],
  ['down', 2],
];

describe('server: an attacker on the path', () => {
  let rig: Rig;
  let heard: Map<AgentSession, AgentMessage[]>;
  let stops: (() => unknown)[];

  beforeEach(async () => {
    heard = new Map();
    stops = [];
    const many = 100_000;
    rig = await startRig({
      limits: {
        authenticationTimeoutMs: 500,
        ...{ handshakesPerSecond: many, handshakesPerSecondPerStranger: many },
        ...{ strangersPerSecond: many, strangersPerSecondPerAddress: many, pendingPerAddress: 200 },
      },
      onSession(session) {
        const messages: AgentMessage[] = [];
        heard.set(session, messages);
        session.onMessage((message) => messages.push(message));
        // After the welcome, which follows this.
        setImmediate(() => {
          for (const id of WORDS) session.send({ type: 'observe', id, action: 'stop', watch: [], clientPorts: [] });
        });
      },
    });
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
    await rig.close();
  });

  interface Agent {
    readonly states: string[];
    /** What was handed to the daemon, session by session: each begins with a welcome. */
    sessions(): ControllerMessage[][];
  }

  function runAgent(identity: KeyPair, url: string): Agent {
    const controller = new AbortController();
    const states: string[] = [];
    const sessions: ControllerMessage[][] = [];
    const link = createControllerLink({
      identity,
      controllerKey: rig.identity.publicKey,
      urls: () => [url],
      hello: async () => helloOf(`boot ${identity.publicKey}`),
      onMessage(message) {
        if (message.type === 'welcome') {
          sessions.push([]);
          for (const word of WORDS) link.send({ type: 'report', drift: [String(word)] });
        }
        sessions.at(-1)?.push(message);
      },
      onState: (state) => states.push(state),
      logger: pino({ level: 'silent' }),
      random: () => 0.001,
      timings: { dialTimeoutMs: 500 },
    });
    const ended = link.run(controller.signal);
    stops.push(() => {
      controller.abort();
      return ended;
    });
    return { states, sessions: () => sessions };
  }

  const wordsOf = (messages: readonly (AgentMessage | ControllerMessage)[]): string[] =>
    messages.map((message) => {
      if (message.type === 'report') return message.drift.join();
      if (message.type === 'observe') return String(message.id);
      return message.type;
    });
  const said = WORDS.map(String);

  /** All of what one side said, or its beginning: nothing forged, nothing twice, nothing out of turn. */
  const expectBeginning = (words: readonly string[], whole: readonly string[]): void => {
    expect(words).to.deep.equal(whole.slice(0, words.length));
  };

  for (const [what, tamper] of Object.entries(ATTACKS)) {
    it(`who takes a frame and ${what} is found out, changes nothing, and does not part them for good`, async () => {
      const tries = POSITIONS.map(async ([direction, position]) => {
        const key = pairedKey(rig, `${direction}-${position}`);
        const middleman = await startMiddleman(rig.url, direction, position, tamper);
        stops.push(() => middleman.close());
        const agent = runAgent(key, middleman.url);
        const own = (): AgentMessage[][] =>
          [...heard].filter(([{ agentKey }]) => agentKey === key.publicKey).map(([, messages]) => messages);
        await eventually(
          `${direction} ${position}: a whole session after the one that was cut`,
          () =>
            middleman.connections() >= 2 &&
            wordsOf(agent.sessions().at(-1) ?? []).join() === ['welcome', ...said].join() &&
            wordsOf(own().at(-1) ?? []).join() === said.join(),
          LIMIT_MS,
        );
        expect(agent.states).not.to.include('refused');
        for (const messages of agent.sessions()) expectBeginning(wordsOf(messages), ['welcome', ...said]);
        for (const messages of own()) expectBeginning(wordsOf(messages), said);
      });
      await Promise.all(tries);
      expect([...heard.keys()].every(({ name }) => /^(up|down)-\d$/.test(name))).to.equal(true);
      expect(rig.authority.requests).to.deep.equal([]);
    });
  }

  describe('who has taken down a whole session', () => {
    let middleman: Middleman;
    let key: KeyPair;

    beforeEach(async () => {
      key = pairedKey(rig);
      middleman = await startMiddleman(rig.url, 'up', 0, (frame, { pass }) => pass(frame));
      stops.push(() => middleman.close());
      const agent = runAgent(key, middleman.url);
      await eventually('the session', () => agent.sessions()[0]?.length === 4 && heard.size === 1, LIMIT_MS);
      await eventually('all words', () => [...heard.values()][0]?.length === WORDS.length, LIMIT_MS);
    });

    it('cannot be the agent with it', async () => {
      const socket = await openSocket(rig.url);
      for (const frame of middleman.seen.up) socket.send(frame);
      await closing(socket);
      expect(heard.size).to.equal(1);
      expect(rig.closed).to.deep.equal([]);
      expect([...heard.values()][0]).to.have.lengthOf(WORDS.length);
    });

    it('cannot be the controller with it', async () => {
      const fake = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: ([first]) => first ?? false });
      await new Promise((resolve) => fake.once('listening', resolve));
      let visits = 0;
      fake.on('connection', (socket) => {
        visits += 1;
        socket.on('message', () => {
          for (const frame of middleman.seen.down) socket.send(frame);
        });
      });
      stops.push(() => fake.close());
      const agent = runAgent(key, `ws://127.0.0.1:${(fake.address() as { port: number }).port}`);
      await eventually('several tries', () => visits >= 3, LIMIT_MS);
      expect(agent.sessions()).to.deep.equal([]);
      expect(agent.states).not.to.include.members(['online']);
      expect(agent.states).not.to.include('refused');
    });

    it('has seen nothing of what they said, nor who the agent is', () => {
      const all = Buffer.concat([...middleman.seen.up, ...middleman.seen.down]);
      for (const text of ['welcome', 'boot', 'report', 'observe', 'home']) {
        expect(all.includes(text), text).to.equal(false);
      }
      for (const { publicKey } of [key, rig.identity]) {
        expect(all.includes(Buffer.from(publicKey, 'base64'))).to.equal(false);
      }
    });
  });
});
