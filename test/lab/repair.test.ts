/** Damage by hand: shown red while nobody mends it, mended where the daemons may. */
import { expect } from 'chai';
import { probe, start } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

const forwards = ['80/tcp', '5300/udp'];
/** Slot 1: the rule that sends marked replies into the tunnel. */
const markRulePriority = '4301';
const strictWithoutMark = ['net.ipv4.conf.hw1.rp_filter=1', 'net.ipv4.conf.hw1.src_valid_mark=0'];
const asHomewardHasIt = ['net.ipv4.conf.hw1.rp_filter=2', 'net.ipv4.conf.hw1.src_valid_mark=1'];

/** Deletes the rule; the result are the arguments that put it back, its protocol included. */
const deleteMarkRule = async (node: LabNode): Promise<string[]> => {
  const rules = await node.json<{ fwmark: string; fwmask: string; table: string; protocol: string }[]>(
    `ip -j -d rule show pref ${markRulePriority}`.split(' '),
  );
  const [rule] = rules;
  if (rule === undefined || rules.length !== 1) throw new Error(`not one rule but ${JSON.stringify(rules)}`);
  await node.must(['ip', 'rule', 'delete', 'pref', markRulePriority]);
  const { fwmark, fwmask, table, protocol } = rule;
  return ['pref', markRulePriority, 'fwmark', `${fwmark}/${fwmask}`, 'lookup', table, 'protocol', protocol];
};
const hasMarkRule = async (node: LabNode): Promise<boolean> =>
  (await node.must(['ip', 'rule'])).split('\n').some((line) => line.startsWith(`${markRulePriority}:`));

const expectColour = async (lab: Lab, ok: boolean): Promise<void> => {
  const { exitCode, report } = await probe(lab.relay);
  expect({ exitCode, ok: report.ok }, JSON.stringify(report)).to.deep.equal({ exitCode: ok ? 0 : 1, ok });
  if (!ok) for (const red of report.results.filter((one) => !one.ok)) expect(red.cause).to.be.a('string');
};

describe('repair', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    paired = await pairUp(lab, { forwards, controllerArgs: ['--no-repair'], agentArgs: ['--no-repair'] });
  });
  after(() => lab?.close());

  it('is off with --no-repair: a deleted policy rule turns the probe red until it is back', async () => {
    const rule = await deleteMarkRule(lab.backend);
    await expectColour(lab, false);
    expect(await hasMarkRule(lab.backend)).to.equal(false);
    await lab.backend.must(['ip', 'rule', 'add', ...rule]);
    await expectColour(lab, true);
  });

  it('is off with --no-repair: strict rp_filter without the mark turns the probe red until it is loose', async () => {
    await lab.backend.must(['sysctl', '-q', ...strictWithoutMark]);
    await expectColour(lab, false);
    await lab.backend.must(['sysctl', '-q', ...asHomewardHasIt]);
    await expectColour(lab, true);
  });

  it('happens when the agent starts again and may repair', async () => {
    await paired.agent.kill();
    await deleteMarkRule(lab.backend);
    await lab.backend.must(['sysctl', '-q', ...strictWithoutMark]);
    start(lab.backend, 'agent', ['run']);
    await poll('a green probe', 15_000, async () => ((await probe(lab.relay)).report.ok ? true : undefined));
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  });

  it('happens by itself within a second: a policy rule', async () => {
    await deleteMarkRule(lab.backend);
    await poll('the rule', 1_000, async () => ((await hasMarkRule(lab.backend)) ? true : undefined));
    await expectColour(lab, true);
  });

  it('happens by itself: a flushed ruleset at the backend', async () => {
    await lab.backend.must(['nft', 'delete', 'table', 'inet', 'homeward_backend']);
    await poll('the table', 3_000, async () =>
      (await lab.backend.run(['nft', 'list', 'table', 'inet', 'homeward_backend'])).exitCode === 0 ? true : undefined,
    );
    await expectColour(lab, true);
  });
});
