/** Peers that lie, flood or sit still, against the real server. */

import { request } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { createCipherState } from '@homeward/shared/session/cipher-state';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import {
  closing,
  connect,
  eventually,
  helloOf,
  online,
  openSocket,
  pairedKey,
  type Rig,
  type RigOptions,
  startRig,
} from './rig.js';

describe('server: hostile peers', () => {
  let rig: Rig;
  const start = async (options: RigOptions = {}): Promise<void> => {
    rig = await startRig(options);
  };
  afterEach(() => rig.close());

  /** The status of an upgrade request with these headers. */
  const upgradeStatus = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const base = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      };
      const sent = request({ host: '127.0.0.1', port: rig.port, headers: { ...base, ...headers } });
      sent.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.end();
    });

  const openTcp = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connectTcp(rig.port, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
      socket.resume();
    });

  it('answers 426 without its subprotocol, 403 to a browser, 426 to a page request', async () => {
    await start();
    const right = { 'sec-websocket-protocol': 'homeward.v1' };
    expect(await upgradeStatus(right)).to.equal(101);
    expect(await upgradeStatus({})).to.equal(426);
    expect(await upgradeStatus({ 'sec-websocket-protocol': 'homeward.v2' })).to.equal(426);
    expect(await upgradeStatus({ 'sec-websocket-protocol': 'homeward.v2, homeward.v1' })).to.equal(101);
    expect(await upgradeStatus({ ...right, origin: 'https://evil.example' })).to.equal(403);
    const page = await fetch(`http://127.0.0.1:${rig.port}/`);
    expect(page.status).to.equal(426);
    const without = 'a stranger from 127.0.0.1: a request without the subprotocol homeward.v1 (HTTP 426)';
    expect(rig.refused.filter((line) => line.includes('HTTP'))).to.deep.equal([
      ...[without, without],
      'a stranger from 127.0.0.1: a request of a browser (HTTP 403)',
      'a stranger from 127.0.0.1: a page request, no websocket (HTTP 426)',
    ]);
  });

  it('tells of requests that are too large or none, and not of a connection that is given up', async () => {
    await start();
    const givenUp = await openTcp();
    givenUp.write('GET / HTTP/1.1\r\n');
    givenUp.end();
    await eventually('it is closed', () => givenUp.closed);
    const large = await openTcp();
    large.write(`GET / HTTP/1.1\r\nCookie: ${'x'.repeat(5_000)}\r\n\r\n`);
    await eventually('it is closed', () => large.closed);
    const none = await openTcp();
    none.write('SSH-2.0-OpenSSH_9.2\r\n');
    await eventually('it is closed', () => none.closed);
    expect(rig.refused).to.deep.equal([
      'a stranger from 127.0.0.1: a request head that is too large',
      'a stranger from 127.0.0.1: no HTTP request',
    ]);
  });

  it('does not agree on compression', async () => {
    await start();
    const socket = new WebSocket(rig.url, ['homeward.v1'], { perMessageDeflate: true });
    await new Promise((resolve) => socket.on('open', resolve));
    expect(socket.extensions).to.equal('');
    socket.close();
  });

  it('drops sockets that sit still: bare TCP, a slow request, a silent websocket, a handshake without a message', async () => {
    await start({ limits: { authenticationTimeoutMs: 400 } });
    const bare = await openTcp();
    const slow = await openTcp();
    slow.write('GET / HTTP/1.1\r\nHost: x\r\n');
    const silent = await openSocket(rig.url);
    const half = await connect(rig, pairedKey(rig));
    await eventually('all are closed', () => bare.closed && slow.closed && half.socket.readyState === WebSocket.CLOSED);
    await closing(silent);
  });

  it('does not drop a confirmed session after that time', async () => {
    await start({ limits: { authenticationTimeoutMs: 300 } });
    const live = await online(rig, pairedKey(rig));
    const idle = await openSocket(rig.url);
    await closing(idle);
    live.send({ type: 'leave' });
    await eventually('the session works', () => rig.received.length === 1);
    live.socket.close();
  });

  it('pings, and drops an agent that is silent', async () => {
    await start({ limits: { pingIntervalMs: 10, deadAfterMs: 120 } });
    const client = await online(rig, pairedKey(rig));
    const ping = await client.next('ping');
    expect(ping).to.have.property('id', 1);
    await client.closed();
    expect(rig.closed).to.have.lengthOf(1);
  });

  it('keeps an agent that answers', async () => {
    await start({ limits: { pingIntervalMs: 10, deadAfterMs: 200 } });
    const client = await online(rig, pairedKey(rig));
    for (let answered = 0; answered < 40; answered += 1) {
      const ping = await client.next('ping');
      if (ping.type === 'ping') client.send({ type: 'pong', id: ping.id });
    }
    expect(rig.closed).to.have.lengthOf(0);
    client.socket.close();
  });

  it('waits for a slow store, then gives the agent its time again and no more', async () => {
    await start({ limits: { authenticationTimeoutMs: 300 } });
    const store = rig.authority.enroll.bind(rig.authority);
    rig.authority.enroll = async (request) => {
      const idle = await openSocket(rig.url);
      await closing(idle);
      return store(request);
    };
    const client = await connect(rig, generateKeyPair());
    client.send({ type: 'enroll', ...rig.authority.issue('home') });
    await client.next('welcome');
    await client.closed();
    expect(rig.sessions).to.have.lengthOf(0);
  });

  it('closes for a text message, a wrong handshake length and more than 4 KiB before authentication', async () => {
    await start();
    for (const message of [
      'text',
      Buffer.alloc(0),
      Buffer.alloc(95),
      Buffer.alloc(97),
      Buffer.alloc(96),
      Buffer.alloc(4097),
    ]) {
      const socket = await openSocket(rig.url);
      socket.send(message);
      await closing(socket);
    }
    // Right in all but their length: a message of an unknown key in two parts, and a long first frame of a known one.
    const enroll = JSON.stringify({ type: 'enroll', ...rig.authority.issue('home') });
    const unknown = await connect(rig, generateKeyPair());
    for (const frame of unknown.transport.seal(Buffer.from(enroll.padEnd(6000)))) unknown.socket.send(frame);
    await unknown.closed();
    expect(rig.authority.requests).to.have.lengthOf(0);
    const known = await connect(rig, pairedKey(rig));
    const hello = Buffer.from(`\0${JSON.stringify(helloOf()).padEnd(5000)}`);
    known.socket.send(known.session.sending.encrypt(hello));
    await known.closed();
    expect(rig.sessions).to.have.lengthOf(0);
    const huge = await openSocket(rig.url);
    huge.send(Buffer.alloc(65_536));
    await closing(huge);
  });

  it('closes when a stranger has sent 12 KiB, in whatever pieces, and when a message comes in too many parts', async () => {
    await start();
    const messages = await openSocket(rig.url);
    for (let index = 0; index < 120; index += 1) messages.ping(Buffer.alloc(100));
    await closing(messages);
    const unfinished = await openSocket(rig.url);
    unfinished.send(Buffer.alloc(3000), { fin: false });
    for (let index = 0; index < 5; index += 1) unfinished.send(Buffer.alloc(3000), { fin: false });
    await closing(unfinished);
    const crumbs = await openSocket(rig.url);
    for (let index = 0; index < 100; index += 1) crumbs.send(Buffer.alloc(1), { fin: false });
    await closing(crumbs);
    expect(rig.log()).not.to.contain('"level":50');
  });

  it('takes a long hello of a known key, and closes over 1 MiB afterwards', async () => {
    await start();
    const client = await connect(rig, pairedKey(rig));
    const prefixes = Array.from({ length: 1000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
    client.send(helloOf('boot-a', { prefixes }));
    await client.next('welcome');
    expect(rig.sessions[0]?.hello.prefixes).to.have.lengthOf(1000);
    const spam = Array.from({ length: 1100 }, () => 'x'.repeat(1000));
    client.sendRaw({ type: 'report', lastHandshakeSeconds: null, drift: spam });
    await client.closed();
    expect(rig.closed).to.have.lengthOf(1);
    expect(rig.received).to.have.lengthOf(0);
  });

  it('closes for a flipped bit, a nonce gap, a replayed frame and unknown framing', async () => {
    await start();
    const key = pairedKey(rig);
    const leave = Buffer.from('{"type":"leave"}');
    const faults: ((client: Awaited<ReturnType<typeof online>>) => void)[] = [
      ({ socket, transport }) => {
        const [frame = Buffer.alloc(1)] = transport.seal(leave);
        frame[0] = (frame[0] ?? 0) ^ 1;
        socket.send(frame);
      },
      ({ socket, transport }) => {
        transport.seal(leave);
        socket.send(transport.seal(leave)[0] ?? '');
      },
      ({ socket }) => socket.send(createCipherState(new Uint8Array(32)).encrypt(leave)),
    ];
    for (const fault of faults) {
      const client = await online(rig, key);
      fault(client);
      await client.closed();
    }
    const repeating = await online(rig, key);
    const [frame = Buffer.alloc(1)] = repeating.transport.seal(leave);
    repeating.socket.send(frame);
    repeating.socket.send(frame);
    await repeating.closed();
    expect(rig.received).to.have.lengthOf(1);
    expect(rig.closed).to.have.lengthOf(4);
  });

  it('refuses unknown types, extra fields and hostile text', async () => {
    await start();
    const key = pairedKey(rig);
    const hello = helloOf();
    const hostile: unknown[] = [
      { type: 'exec', command: 'id' },
      { type: 'leave', extra: 1 },
      { type: 'report', lastHandshakeSeconds: -1, drift: [] },
      { type: 'report', lastHandshakeSeconds: 1, drift: 'x' },
      { type: '__proto__' },
      ['leave'],
      null,
    ];
    for (const value of hostile) {
      const client = await online(rig, key);
      client.sendRaw(value);
      await client.closed();
    }
    for (const value of [
      { ...hello, wireguardPublicKey: '$(reboot)' },
      { ...hello, prefixes: ['10.0.0.0/8; reboot'] },
      { ...hello, outerAddress: '\u001b[2J' },
    ]) {
      const client = await connect(rig, key);
      client.sendRaw(value);
      await client.closed();
    }
    expect(rig.received).to.have.lengthOf(0);
    expect(rig.sessions).to.have.lengthOf(hostile.length);
  });

  it('keeps at most so many waiting sockets per address; the oldest goes', async () => {
    await start({ limits: { pendingPerAddress: 3 } });
    const sockets: Socket[] = [];
    for (let index = 0; index < 5; index += 1) sockets.push(await openTcp());
    await eventually('two are gone', () => sockets.filter(({ closed }) => closed).length === 2);
    expect(sockets.map(({ closed }) => closed)).to.deep.equal([true, true, false, false, false]);
    for (const socket of sockets) socket.destroy();
  });

  it('does not count confirmed sessions', async () => {
    await start({ limits: { pendingPerAddress: 1 } });
    const clients = [await online(rig, pairedKey(rig, 'a')), await online(rig, pairedKey(rig, 'b'))];
    const waiting = await openTcp();
    const third = await online(rig, pairedKey(rig, 'c'));
    await eventually('the waiting one made room', () => waiting.closed);
    expect(rig.closed).to.have.lengthOf(0);
    for (const { socket } of [...clients, third]) socket.close();
  });

  it('computes only so many handshakes a second', async () => {
    await start({ limits: { handshakesPerSecondPerStranger: 2 }, now: () => 0 });
    const key = generateKeyPair();
    const two = [await connect(rig, key), await connect(rig, key)];
    expect(await connect(rig, key).catch(String)).to.contain('closed during the handshake');
    for (const { socket } of two) socket.terminate();
  });

  it('survives a consumer that throws', async () => {
    await start({
      onSession: (session) => {
        if (session.name === 'bad') throw new Error('consumer fault');
      },
    });
    const bad = await connect(rig, pairedKey(rig, 'bad'));
    bad.send(helloOf());
    await bad.closed();
    expect(rig.log()).to.contain('consumer fault');
    const good = await online(rig, pairedKey(rig, 'good'));
    good.socket.close();
  });

  it('shows an IPv4 peer of a dual-stack listener as IPv4', async () => {
    await start({ host: '::' });
    const client = await online(rig, pairedKey(rig));
    expect(rig.sessions[0]?.remoteAddress).to.equal('127.0.0.1');
    client.socket.close();
  });

  it('says that a port is taken', async () => {
    await start();
    const failure = await startRig({ port: rig.port }).catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'conflict');
  });
});
