/** A chain: a relay behind a relay. The machine in the middle runs both programs, and the service still sees the client. */
import { expect } from 'chai';
import { homeward, probe, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { transfer } from '../support/scripts.js';
import { type Service, startBlob, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

const forwards = ['80/tcp', '8081/tcp', '5300/udp'];
const transferBytes = 5 * 1024 * 1024;
/** A peer notices by WireGuard's own timers that the device at the other end is a new one (15 s after it has sent). */
const healLimitMs = 45_000;

describe('a chain of two relays', () => {
  let lab: Lab;
  /** The relay behind the first one, and that one's backend. */
  let middle: LabNode;
  let nginx: Service;
  let echo: Service;
  let middleBefore: Snapshot;
  let first: Paired;
  let second: Paired;

  before(async () => {
    lab = await createLab();
    middle = lab.relay2;
    [nginx, echo] = await Promise.all([
      startNginx(lab.backend, 80),
      startUdpEcho(lab.backend, 5300),
      startBlob(lab.backend, 8081),
    ]);
    middleBefore = await snapshot(middle);
    second = await pairUp({ relay: middle, backend: lab.backend }, { name: 'home', forwards });
    first = await pairUp({ relay: lab.relay, backend: middle }, { name: 'middle', forwards });
  });
  after(() => lab?.close());

  it('shows TCP services the client', () => expectTcp(lab, 80, nginx));
  it('shows UDP services the client', () => expectUdp(lab, 5300, echo));

  it('carries large transfers in both directions', async () => {
    for (const direction of ['get', 'put'] as const) {
      const moved = await transfer(lab.client, direction, `http://${address.relay}:8081`, transferBytes);
      expect(moved).to.include({ bytes: transferBytes, sha256: moved.expected });
    }
  });

  it('is proven at each relay', async () => {
    for (const relay of [lab.relay, middle]) {
      const { exitCode, report } = await probe(relay);
      expect(exitCode, JSON.stringify(report)).to.equal(0);
      for (const result of report.results) {
        expect(result, JSON.stringify(result)).to.include({ arrivedOn: 'hw1', leftOn: 'hw1', seen: result.client });
      }
    }
  });

  it('goes on without the daemons in the middle', async () => {
    await Promise.all([second.controller.kill('SIGKILL'), first.agent.kill('SIGKILL')]);
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  });

  it('leaves the machine in the middle as it was found after `down` of both sides', async () => {
    expectDone(await homeward(middle, 'agent', ['down']));
    expectDone(await homeward(middle, 'controller', ['down']));
    await expectUnchanged(middle, middleBefore);
  });

  it('is back when both are started again, and gone when both go in the other order', async () => {
    await Promise.all([startDaemon(middle, 'controller'), startDaemon(middle, 'agent')]);
    await poll('traffic', healLimitMs, async () => {
      await expectTcp(lab, 80, nginx);
      await expectUdp(lab, 5300, echo, 1);
      return true;
    });
    expectDone(await homeward(middle, 'controller', ['down']));
    expectDone(await homeward(middle, 'agent', ['down']));
    await expectUnchanged(middle, middleBefore);
  });
});
