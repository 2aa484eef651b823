/** From the start of an agent that brings a token to the finished proof. */
import { expect } from 'chai';
import { start, startDaemon } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { startNginx, startUdpEcho } from '../support/services.js';

/** What the design promises, on two cores. */
const limitMs = 3_000;

describe('speed', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
    await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await startDaemon(lab.relay, 'controller');
  });
  after(() => lab?.close());

  it('proves every forward within 3 s of starting an agent with HOMEWARD_TOKEN', async () => {
    const pairing = startPair(lab.relay, 'home', ['80/tcp', '5300/udp']);
    const token = await tokenOf(pairing);
    const begin = Date.now();
    start(lab.backend, 'agent', ['run'], { env: { HOMEWARD_TOKEN: token } });
    const done = await pairing.event('done');
    const tookMs = Date.now() - begin;
    process.stdout.write(`          from the agent's start to the proof: ${tookMs} ms\n`);
    expect(done.ok).to.equal(true);
    expect(tookMs).to.be.below(limitMs);
  });
});
