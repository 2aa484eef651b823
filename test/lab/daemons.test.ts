/** The daemons are not in the data path: traffic goes on without them, and they find their way back. */
import { expect } from 'chai';
import { agentStatus, probe, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import type { Running } from '../support/running.js';
import { transfer } from '../support/scripts.js';
import { type Service, startBlob, startNginx, startUdpEcho } from '../support/services.js';

const transferBytes = 30 * 1024 * 1024;

describe('without daemons', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let echo: Service;
  let daemons: Running[];

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([
      startNginx(lab.backend, 80),
      startUdpEcho(lab.backend, 5300),
      startBlob(lab.backend, 8081),
    ]);
    paired = await pairUp(lab, { forwards: ['80/tcp', '8081/tcp', '5300/udp'] });
    daemons = [paired.controller, paired.agent];
  });
  after(() => lab?.close());

  const expectTraffic = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  };

  const restart = async (): Promise<void> => {
    daemons = [await startDaemon(lab.relay, 'controller'), start(lab.backend, 'agent', ['run'])];
    await poll('a green probe', 15_000, async () => ((await probe(lab.relay)).exitCode === 0 ? true : undefined));
    expect((await agentStatus(lab.backend)).relays.map(({ state }) => state)).to.deep.equal(['online']);
  };

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    it(`traffic goes on after ${signal}`, async () => {
      const moving = transfer(lab.client, 'get', `http://${address.relay}:8081`, transferBytes);
      const codes = await Promise.all(daemons.map((daemon) => daemon.kill(signal)));
      if (signal === 'SIGTERM') expect(codes).to.deep.equal([0, 0]);
      const moved = await moving;
      expect(moved).to.include({ bytes: transferBytes, sha256: moved.expected });
      await expectTraffic();
    });

    it(`starting both again after ${signal} proves everything again`, async () => {
      await restart();
      await expectTraffic();
    });
  }

  it('a relay that lost its tunnel, as by a reboot, is back in 15 s, not when the old WireGuard session ends', async () => {
    const received = async (): Promise<number> =>
      Number((await lab.backend.must(['wg', 'show', 'hw1', 'transfer'])).split('\t')[1]);
    const before = await received();
    // WireGuard's own receipt for the last packet, 10 s after it: from now on the backend waits for no answer.
    await poll('a silent tunnel', 20_000, async () => ((await received()) > before ? true : undefined));
    await daemons[0]?.kill('SIGTERM');
    await lab.relay.must(['ip', 'link', 'delete', 'dev', 'hw0']);
    await startDaemon(lab.relay, 'controller');
    await poll('a green probe', 40_000, async () => ((await probe(lab.relay)).exitCode === 0 ? true : undefined));
    await expectTraffic();
  });
});
