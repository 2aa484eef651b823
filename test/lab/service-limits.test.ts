/** The units bound what the daemons may do as root: with these capabilities and no others everything works. */
import { CAPABILITIES } from '@homeward/shared/service/sandbox';
import { expect } from 'chai';
import { command, homeward, options, type Program, probe } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp } from '../support/real-client.js';
import type { Running } from '../support/running.js';
import { type Service, startListener, startNginx } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

/** The words before a command that leave it only what its unit leaves it. */
const bounded = (program: Program): string[] => [
  'setpriv',
  `--bounding-set=${['-all', ...CAPABILITIES[program].map((name) => name.replace('CAP_', '+').toLowerCase())].join(',')}`,
  '--inh-caps=-all',
];

const startBounded = (node: LabNode, program: Program, verb: string): Running =>
  node.spawn([...bounded(program), ...command(program, [verb])], options(program));

describe('daemons with the capabilities of their units', () => {
  let lab: Lab;
  let nginx: Service;

  before(async () => {
    lab = await createLab();
    nginx = await startNginx(lab.backend, 80);
    await Promise.all([startListener(lab.relay, 'sshd', 22), startListener(lab.backend, 'sshd', 22)]);
  });
  after(() => lab?.close());

  it('set up both ends and prove them', async () => {
    const controller = startBounded(lab.relay, 'controller', 'serve');
    await controller.prints(/is serving/);
    const pairing = startPair(lab.relay, 'home', ['80/tcp']);
    const token = await tokenOf(pairing);
    expectDone(await homeward(lab.backend, 'agent', ['enroll'], { input: token }));
    startBounded(lab.backend, 'agent', 'run');
    expect(await pairing.process.ended, pairing.process.stderr()).to.equal(0);
    await expectTcp(lab, 80, nginx);
    expect((await probe(lab.relay)).report.ok).to.equal(true);
  });

  it('still find the port of SSH, at the relay and at the backend', async () => {
    expectRefused(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', '22/tcp']), 2, /SSH/);
    await homeward(lab.relay, 'controller', ['forward', 'add', 'home', '2222=22/tcp']);
    await poll("the backend's refusal", 10_000, async () => {
      const { stdout } = await homeward(lab.relay, 'controller', ['status']);
      return /2222=22\/tcp +failed .*SSH/.test(stdout) ? true : undefined;
    });
  });
});
