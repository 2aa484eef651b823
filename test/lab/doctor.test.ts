/** `doctor` tells what a machine can do, changes nothing there, and says what to install where something is missing. */
import { expect } from 'chai';
import { homeward } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { snapshot } from '../support/snapshot.js';
import { expectUnchanged } from '../support/tidy.js';

interface Doctor {
  readonly ok: boolean;
  readonly capabilities: {
    name: string;
    works: boolean;
    reason: string | null;
    hint: string | null;
    used: boolean | null;
  }[];
}

describe('doctor', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
  });
  after(() => lab?.close());

  const doctor = async (program: 'controller' | 'agent', path?: string) => {
    const node = program === 'controller' ? lab.relay : lab.backend;
    const outcome = await homeward(
      node,
      program,
      ['doctor', '--json'],
      path === undefined ? {} : { env: { PATH: path } },
    );
    return { ...outcome, report: JSON.parse(outcome.stdout) as Doctor };
  };
  const find = ({ capabilities }: Doctor, name: string) => capabilities.find((one) => one.name === name);

  it('finds everything essential here, without a daemon, and leaves nothing behind', async () => {
    const before = await snapshot(lab.relay);
    const { exitCode, report } = await doctor('controller');
    expect(exitCode).to.equal(0);
    expect(report.ok).to.equal(true);
    expect(find(report, 'nftables')).to.deep.include({ works: true, reason: null, used: null });
    for (const { works, reason, hint } of report.capabilities) {
      expect(works === (reason === null) && works === (hint === null)).to.equal(true);
    }
    await expectUnchanged(lab.relay, before);
  });

  it('ends with 4 and says what to install where a program is missing', async () => {
    const { exitCode, report, stderr } = await doctor('agent', '/nowhere');
    expect(exitCode).to.equal(4);
    expect(report.ok).to.equal(false);
    expect(find(report, 'conntrack')?.hint).to.match(/apt-get install .*conntrack/);
    expect(stderr).to.match(/this machine lacks/);
  });

  it('tells what the tunnels use once there are some', async () => {
    await pairUp(lab, { forwards: ['80/tcp'] });
    for (const program of ['controller', 'agent'] as const) {
      const { report } = await doctor(program);
      const used = report.capabilities.filter((one) => one.used === true).map(({ name }) => name);
      expect(used).to.have.lengthOf(1);
      expect(used[0]).to.match(/^WireGuard \((kernel|wireguard-go)\)$/);
    }
  });
});
