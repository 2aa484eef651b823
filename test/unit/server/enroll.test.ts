/** Who is let in, over a real websocket on loopback. */

import type { AgentMessage } from '@homeward/shared/protocol/messages';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import {
  closing,
  connect,
  eventually,
  helloOf,
  online,
  openSocket,
  pairedKey,
  type Rig,
  startRig,
  type Ticket,
} from './rig.js';

describe('server: enrolling', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(() => rig.close());

  const enroll = (ticket: Ticket): AgentMessage => ({ type: 'enroll', ...ticket });

  it('welcomes a good token and goes on with hello on the same session', async () => {
    const key = generateKeyPair();
    const client = await connect(rig, key);
    client.send(enroll(rig.authority.issue('home')));
    expect(await client.next('welcome')).to.deep.equal({
      type: 'welcome',
      name: 'home',
      urls: ['ws://relay.example:7700'],
    });
    expect(rig.sessions).to.have.lengthOf(0);
    client.send(helloOf());
    await client.next('welcome');
    expect(rig.sessions).to.have.lengthOf(1);
    expect(rig.sessions[0]).to.include({ agentKey: key.publicKey, name: 'home', remoteAddress: '127.0.0.1' });
    expect(rig.sessions[0]?.hello.bootId).to.equal('boot-a');
    expect(rig.authority.requests[0]?.from).to.equal('127.0.0.1');
    client.socket.close();
  });

  it('answers a lost answer again for the same key', async () => {
    const key = generateKeyPair();
    const ticket = rig.authority.issue('home');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const client = await connect(rig, key);
      client.send(enroll(ticket));
      await client.next('welcome');
      client.socket.terminate();
    }
  });

  it('refuses a used, expired, mistyped and unknown token with the same words, and logs no secret', async () => {
    const used = rig.authority.issue('home');
    const first = await connect(rig, generateKeyPair());
    first.send(enroll(used));
    await first.next('welcome');
    first.socket.close();
    const mistyped = { ...rig.authority.issue('nas'), secret: Buffer.alloc(32, 1).toString('base64url') };
    const unknown = { ...used, tokenId: Buffer.alloc(8, 1).toString('base64url') };
    for (const ticket of [used, rig.authority.issue('late', true), mistyped, unknown]) {
      const client = await connect(rig, generateKeyPair());
      client.send(enroll(ticket));
      expect(await client.next('refused')).to.deep.equal({ type: 'refused' });
      await client.closed();
      expect(rig.log()).not.to.contain(ticket.secret);
    }
    expect(rig.log()).to.contain('a token was refused');
    expect(rig.log()).not.to.contain(rig.identity.secretKey.reveal());
    expect(rig.sessions).to.have.lengthOf(0);
  });

  it('lets one of two racing agents have the token', async () => {
    const ticket = rig.authority.issue('home');
    const clients = await Promise.all([connect(rig, generateKeyPair()), connect(rig, generateKeyPair())]);
    for (const client of clients) client.send(enroll(ticket));
    await eventually('both are answered', () => clients.every(({ messages }) => messages.length === 1));
    expect(clients.map(({ messages }) => messages[0]?.type).sort()).to.deep.equal(['refused', 'welcome']);
    expect(rig.authority.mostAtOnce).to.equal(1);
    for (const { socket } of clients) socket.terminate();
  });

  it('takes exactly one message of an unknown key, and only enroll', async () => {
    for (const message of [helloOf(), { type: 'leave' } as const, { type: 'pong', id: 1 } as const]) {
      const client = await connect(rig, generateKeyPair());
      client.send(message);
      await client.closed();
      expect(client.messages).to.deep.equal([]);
    }
    const hasty = await connect(rig, generateKeyPair());
    hasty.send(enroll(rig.authority.issue('home')));
    hasty.send(helloOf());
    await hasty.closed();
    expect(rig.sessions).to.have.lengthOf(0);
  });

  it('wants hello first from a known key, and hello only once', async () => {
    const key = pairedKey(rig);
    const early = await connect(rig, key);
    early.send({ type: 'leave' });
    await early.closed();
    expect(rig.sessions).to.have.lengthOf(0);
    const twice = await online(rig, key);
    twice.send(helloOf());
    await twice.closed();
  });

  it('tells a revoked key to unpair, unless it brings a good token', async () => {
    const key = generateKeyPair();
    rig.authority.revoked.add(key.publicKey);
    for (const message of [helloOf(), { type: 'leave' } as const, enroll(rig.authority.issue('late', true))]) {
      const client = await connect(rig, key);
      client.send(message);
      await client.next('unpair');
      await client.closed();
    }
    const client = await connect(rig, key);
    client.send(enroll(rig.authority.issue('home')));
    await client.next('welcome');
    client.send(helloOf());
    await client.next('welcome');
    client.socket.close();
  });

  it('closes, without an answer, for an agent that pinned another key', async () => {
    const error = await connect({ url: rig.url, identity: generateKeyPair() }, generateKeyPair()).catch(String);
    expect(error).to.contain('closed during the handshake');
  });

  it('does nothing for a replayed first message', async () => {
    const key = pairedKey(rig);
    const live = await online(rig, key);
    const replay = await openSocket(rig.url);
    let answers = 0;
    replay.on('message', () => (answers += 1));
    replay.send(live.opening);
    await eventually('the handshake is answered', () => answers === 1);
    // Whoever replays cannot read the answer; anything it sends does not decrypt.
    replay.send(Buffer.alloc(64, 1));
    await closing(replay);
    expect(rig.sessions).to.have.lengthOf(1);
    expect(rig.closed).to.have.lengthOf(0);
    expect(rig.authority.requests).to.have.lengthOf(0);
    live.send({ type: 'leave' });
    await eventually('the session still works', () => rig.received.length === 1);
    live.socket.close();
  });

  it('says closed, not refused, when the store fails', async () => {
    rig.authority.enroll = () => Promise.reject(new Error('disk full'));
    const client = await connect(rig, generateKeyPair());
    client.send(enroll(rig.authority.issue('home')));
    await client.closed();
    expect(client.messages).to.deep.equal([]);
    expect(rig.log()).to.contain('disk full');
  });
});
