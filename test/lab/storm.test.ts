/** A relay with a thousand backends is started anew: all are back soon, and none of its traffic has noticed. */
import { expect } from 'chai';
import { controllerStatus, homeward, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import type { Running } from '../support/running.js';
import { script } from '../support/scripts.js';
import { startUdpEcho } from '../support/services.js';
import { expectDone } from '../support/tidy.js';
import { startUdpStream } from '../support/udp-stream.js';

const count = 1_000;
/** The first address of a thousand; nobody else in the lab has any of them. */
const firstAddress = (100 << 24) + (64 << 16) + 1;

/** Gives each connection to the control port an address of its own: a thousand homes, where one machine plays all of them. */
const homes = (): string => {
  const named = Array.from({ length: count }, (_, index) => {
    const value = firstAddress + index;
    return `${index} : ${[24, 16, 8, 0].map((shift) => (value >> shift) & 255).join('.')}`;
  });
  return `table ip homes {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    tcp dport 7700 snat to numgen inc mod ${count} map { ${named.join(', ')} }
  }
}
`;
};

describe('a thousand backends', () => {
  let lab: Lab;
  let paired: Paired;
  let controller: Running;
  let crowd: Running;

  before(async () => {
    lab = await createLab();
    await startUdpEcho(lab.backend, 5300);
    paired = await pairUp(lab, { forwards: ['5300/udp'] });
    controller = paired.controller;
    await lab.client.must(['nft', '-f', '-'], { input: homes() });
    await lab.internet.must('ip route add 100.64.0.0/22 via 203.0.113.7'.split(' '));
  });
  after(() => lab?.close());

  const online = async (): Promise<number> =>
    (await controllerStatus(lab.relay)).backends.filter(({ state }) => state === 'online').length;

  const allOnline = (limitMs: number): Promise<number> => {
    const begin = performance.now();
    return poll('all backends to be online', limitMs, async () => {
      const now = await online();
      // With the one that carries the traffic.
      if (now <= count) throw new Error(`${now} are`);
      return (performance.now() - begin) / 1000;
    });
  };

  it('come in with one token', async () => {
    const made = await homeward(lab.relay, 'controller', [
      ...['token', 'create', '--uses', String(count), '--name-prefix', 'many', '--json'],
    ]);
    expectDone(made);
    const { token } = JSON.parse(made.stdout) as { token: string };
    crowd = lab.client.spawn(script('clients/many-agents', String(count)), { input: `${token}\n` });
    await crowd.prints(new RegExp(`"enrolled":${count}`), 120_000);
    process.stdout.write(`  online after ${(await allOnline(300_000)).toFixed(1)} s\n`);
  }).timeout(450_000);

  it('are back soon after a restart of the relay, and no datagram is lost', async () => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await stream.goesOn(50);
    await controller.kill('SIGKILL');
    controller = await startDaemon(lab.relay, 'controller');
    process.stdout.write(`  back after ${(await allOnline(300_000)).toFixed(1)} s\n`);
    expect(await stream.end(), 'datagrams that were lost').to.deep.equal([]);
  }).timeout(360_000);
});
