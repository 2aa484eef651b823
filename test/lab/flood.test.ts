/** Strangers flood the control port: paired backends, traffic and the relay's memory do not feel it. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { controllerStatus, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import type { Running } from '../support/running.js';
import { script } from '../support/scripts.js';
import { startUdpEcho } from '../support/services.js';
import { startUdpStream } from '../support/udp-stream.js';

/** As long as an idle machine needs for a full round of scanners' tricks, many times over. */
const floodSeconds = 30;
const floodSockets = 1_000;
/** What the relay's memory may grow by, bytes. */
const growthLimit = 32 * 1024 * 1024;
/** A scanner's own machine, and a botnet's two hundred. */
const scanners = { 'one address': [address.client], 'two hundred addresses': many('203.0.113.', 20, 200) };

function many(prefix: string, first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${first + index}`);
}

/** Resident memory of a process, bytes (proc_pid_status(5)). */
const memoryOf = (pid: number): number => {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
};

interface Flood {
  readonly opened: number;
  readonly cut: number;
  readonly most: number;
}

const startFlood = async (client: LabNode, key: string, from: readonly string[]): Promise<Running> => {
  const hex = Buffer.from(key, 'base64').toString('hex');
  const flood = client.spawn(script('clients/flood', address.relay, '7700', hex, String(floodSockets), ...from));
  await flood.prints(/ready/);
  return flood;
};

const endFlood = async (flood: Running): Promise<Flood> => {
  await flood.kill('SIGTERM');
  return JSON.parse(flood.stdout().trim().split('\n').at(-1) ?? '') as Flood;
};

describe('a flood of strangers', () => {
  let lab: Lab;
  let paired: Paired;
  let key: string;

  before(async () => {
    lab = await createLab();
    await startUdpEcho(lab.backend, 5300);
    paired = await pairUp(lab, { forwards: ['5300/udp'] });
    key = ((await controllerStatus(lab.relay)).relay as { publicKey?: string }).publicKey ?? '';
    const batch = scanners['two hundred addresses'].map((each) => `address add ${each}/24 dev eth0`);
    await lab.client.must(['ip', '-batch', '-'], { input: `${batch.join('\n')}\n` });
  });
  after(() => lab?.close());

  const onlineTimes = (): number => (paired.controller.stderr().match(/backend online/g) ?? []).length;
  const isOnline = async (): Promise<boolean> => (await controllerStatus(lab.relay)).backends[0]?.state === 'online';

  for (const [what, from] of Object.entries(scanners)) {
    it(`from ${what} leaves the backend connected, its traffic whole and the relay small`, async () => {
      const sessions = onlineTimes();
      const before = memoryOf(paired.controller.pid);
      const stream = await startUdpStream(lab.client, address.relay, 5300);
      await stream.goesOn(50);
      const flood = await startFlood(lab.client, key, from);
      const end = Date.now() + floodSeconds * 1000;
      let most = before;
      await poll('the end of the flood', (floodSeconds + 10) * 1000, async () => {
        most = Math.max(most, memoryOf(paired.controller.pid));
        return Date.now() > end ? true : undefined;
      });
      expect(await isOnline()).to.equal(true);
      const { opened } = await endFlood(flood);
      const unanswered = await stream.end();
      expect(opened).to.be.above(floodSockets);
      expect(unanswered, 'datagrams that were lost').to.deep.equal([]);
      expect(onlineTimes(), 'the session went on').to.equal(sessions);
      expect(most - before, 'bytes by which the relay grew').to.be.below(growthLimit);
    });
  }

  it('does not keep out a backend that was here before, nor a restarted relay from its backend', async () => {
    const flood = await startFlood(lab.client, key, scanners['two hundred addresses']);
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await paired.agent.kill('SIGKILL');
    await poll('the loss of the agent', 10_000, async () => ((await isOnline()) ? undefined : true));
    start(lab.backend, 'agent', ['run']);
    await poll('the agent again', 60_000, async () => ((await isOnline()) ? true : undefined));
    await paired.controller.kill('SIGKILL');
    await startDaemon(lab.relay, 'controller');
    await poll('the agent at the restarted relay', 60_000, async () => ((await isOnline()) ? true : undefined));
    expect(flood.alive()).to.equal(true);
    await endFlood(flood);
    expect(await stream.end(), 'datagrams that were lost').to.deep.equal([]);
  });
});
