/** `enrollOnce` against the real server, and against everything that is not the right one. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EnrollOnceOptions, enrollOnce } from '@homeward/agent/link/enroll';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { Secret } from '@homeward/shared/net/secret';
import { generateKeyPair } from '@homeward/shared/session/keys';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { type Rig, startRig, type Ticket } from '../server/rig.js';

const NEVER = new AbortController().signal;

async function failureOf(attempt: Promise<unknown>): Promise<RelayError> {
  const outcome = await attempt.catch((error: unknown) => error);
  if (outcome instanceof RelayError) return outcome;
  throw new Error('expected a RelayError');
}

describe('link: enrollOnce', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig();
  });
  afterEach(() => rig.close());

  const optionsFor = (ticket: Ticket, more: Partial<EnrollOnceOptions> = {}): EnrollOnceOptions => ({
    identity: generateKeyPair(),
    controllerKey: rig.identity.publicKey,
    ticket: { tokenId: ticket.tokenId, secret: new Secret(ticket.secret) },
    urls: [rig.url],
    timeoutMs: 10_000,
    random: () => 0.01,
    ...more,
  });
  /** A port on which nothing listens. */
  const closedPort = async (): Promise<number> => {
    const other = await startRig();
    await other.close();
    return other.port;
  };

  it('gives the name, the dial list and the URL that answered', async () => {
    const dead = `ws://127.0.0.1:${await closedPort()}`;
    const options = optionsFor(rig.authority.issue('home'), { urls: [dead, rig.url] });
    expect(await enrollOnce(options, NEVER)).to.deep.equal({
      name: 'home',
      urls: ['ws://relay.example:7700'],
      url: rig.url,
    });
    expect(rig.authority.names.get(options.identity.publicKey)).to.equal('home');
  });

  it('ends at once when the token is refused', async () => {
    const ticket = rig.authority.issue('home');
    await enrollOnce(optionsFor(ticket), NEVER);
    const error = await failureOf(enrollOnce(optionsFor(ticket), NEVER));
    expect(error.code).to.equal('refused');
    expect(rig.authority.requests).to.have.lengthOf(2);
    const revoked = optionsFor(ticket);
    rig.authority.revoked.add(revoked.identity.publicKey);
    expect((await failureOf(enrollOnce(revoked, NEVER))).code).to.equal('refused');
  });

  it('lets one of two racing agents in', async () => {
    const ticket = rig.authority.issue('home');
    const outcomes = await Promise.allSettled([
      enrollOnce(optionsFor(ticket), NEVER),
      enrollOnce(optionsFor(ticket), NEVER),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
  });

  it('waits for a relay that comes up later', async () => {
    const port = await closedPort();
    const ticket = rig.authority.issue('home');
    const running = enrollOnce(optionsFor(ticket, { urls: [`ws://127.0.0.1:${port}`] }), NEVER);
    const { identity, authority } = rig;
    const late = await startRig({ port, identity, authority });
    expect(await running).to.have.property('name', 'home');
    await late.close();
  });

  it('names every URL that was tried and why it failed', async () => {
    const website: Server = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => website.listen(0, '127.0.0.1', resolve));
    const web = `ws://127.0.0.1:${(website.address() as AddressInfo).port}`;
    const dead = `ws://127.0.0.1:${await closedPort()}`;
    const urls = [dead, web, 'ws://[broken'];
    const error = await failureOf(enrollOnce(optionsFor(rig.authority.issue('home'), { urls, timeoutMs: 200 }), NEVER));
    expect(error.code).to.equal('unreachable');
    expect(error.message)
      .to.contain(`${dead} (connection refused)`)
      .and.contain('HTTP 404')
      .and.contain('ws://[broken (');
    website.close();
  });

  it('takes a relay with another key for unreachable, not for a refusal', async () => {
    const options = optionsFor(rig.authority.issue('home'), {
      controllerKey: generateKeyPair().publicKey,
      timeoutMs: 200,
    });
    const error = await failureOf(enrollOnce(options, NEVER));
    expect(error.code).to.equal('unreachable');
    expect(error.message).to.contain('not the relay that made this token');
    expect(rig.authority.requests).to.have.lengthOf(0);
  });

  it('says timeout when nothing answered to the end, and stops at the signal', async () => {
    const silent = createServer();
    silent.on('upgrade', () => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const urls = [`ws://127.0.0.1:${(silent.address() as AddressInfo).port}`];
    const options = optionsFor(rig.authority.issue('home'), { urls, timeoutMs: 100 });
    const error = await failureOf(enrollOnce(options, NEVER));
    expect(error.code).to.equal('timeout');
    expect(error.message).to.contain(urls[0]);

    const stop = new AbortController();
    const running = failureOf(enrollOnce({ ...options, timeoutMs: 60_000 }, stop.signal));
    stop.abort();
    expect((await running).code).to.equal('interrupted');
    silent.close();
  });
});
