/** Every way of ending a pairing leaves the machines as they were found. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

/** A daemon hears of the other side's decision at once; a busy machine needs a moment to carry it out. */
const hearLimitMs = 5_000;

const runningWireguardGo = async (node: LabNode): Promise<string> =>
  (await node.run(['wg', 'show', 'interfaces'])).stdout.trim();

describe('removal', () => {
  let lab: Lab;
  let nginx: Service;
  let relayBefore: Snapshot;
  let backendBefore: Snapshot;
  let paired: Paired;

  beforeEach(async () => {
    lab = await createLab();
    [nginx] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    [relayBefore, backendBefore] = await Promise.all([snapshot(lab.relay), snapshot(lab.backend)]);
    paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    await expectTcp(lab, 80, nginx);
  });
  afterEach(() => lab?.close());

  const expectNoPairingAtRelay = async (): Promise<void> => {
    expect((await controllerStatus(lab.relay)).backends).to.deep.equal([]);
    expect((await tcpGet(lab.client, address.relay, 80)).errors.join()).to.match(/ECONNREFUSED/);
    expect((await lab.relay.run(['wg', 'show', 'hw0', 'peers'])).stdout).to.equal('');
  };

  it('by `unpair` cleans both sides', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['unpair', 'home']));
    await expectUnchanged(lab.backend, backendBefore, hearLimitMs);
    await expectNoPairingAtRelay();
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    await expectUnchanged(lab.relay, relayBefore);
  });

  it('by `unpair` with the agent away cleans the relay at once and the backend later', async () => {
    await paired.agent.kill();
    expectDone(await homeward(lab.relay, 'controller', ['unpair', 'home']));
    await expectNoPairingAtRelay();
    start(lab.backend, 'agent', ['run']);
    await expectUnchanged(lab.backend, backendBefore, hearLimitMs);
  });

  it('by `leave` cleans both sides', async () => {
    expectDone(await homeward(lab.backend, 'agent', ['leave', 'home']));
    await expectUnchanged(lab.backend, backendBefore, hearLimitMs);
    await poll('the end of the pairing at the relay', hearLimitMs, async () =>
      (await controllerStatus(lab.relay)).backends.length === 0 ? true : undefined,
    );
    await expectNoPairingAtRelay();
  });

  it('by `down` on both sides, daemons running, leaves nothing; both daemons exit 0', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    expect(await Promise.all([paired.controller.ended, paired.agent.ended])).to.deep.equal([0, 0]);
    await expectUnchanged(lab.relay, relayBefore);
    await expectUnchanged(lab.backend, backendBefore);
    expect(await Promise.all([runningWireguardGo(lab.relay), runningWireguardGo(lab.backend)])).to.deep.equal(['', '']);
  });

  it('by `down` without daemons leaves nothing, and a start brings everything back', async () => {
    await Promise.all([paired.controller.kill(), paired.agent.kill()]);
    expectDone(await homeward(lab.relay, 'controller', ['down']));
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.relay, relayBefore);
    await expectUnchanged(lab.backend, backendBefore);
    await startDaemon(lab.relay, 'controller');
    await startDaemon(lab.backend, 'agent');
    expect((await agentStatus(lab.backend)).relays.map(({ name }) => name)).to.deep.equal(['home']);
    await poll('traffic', 15_000, async () => {
      await expectTcp(lab, 80, nginx);
      return true;
    });
  });
});
