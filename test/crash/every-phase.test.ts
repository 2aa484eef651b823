/**
 * SIGKILL at any moment, on either side: the next start finds its way. In the lab each phase dies once, at a boundary
 * chosen by chance; `npm run test:crash -- --all` goes through all boundaries, and `--phase NAME --at N` repeats one.
 */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { belongings, expectConverged } from '../support/crash/converged.js';
import { arm, mortal } from '../support/crash/crasher.js';
import { type Phase, phasesOf, type Stage } from '../support/crash/phases.js';
import { homeward, type Program, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { shareKey, startOpenvpn } from '../support/openvpn.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { startNginx, startUdpEcho } from '../support/services.js';
import { snapshot } from '../support/snapshot.js';
import { startUdpStream } from '../support/udp-stream.js';

const { HOMEWARD_CRASH_ALL: isAll, HOMEWARD_CRASH_PHASE: onlyPhase, HOMEWARD_CRASH_AT: onlyAt } = process.env;

describe('killed in the middle of', function () {
  if (isAll !== undefined) this.timeout(3_600_000);
  let lab: Lab;
  let stage: Stage;
  let usual: Record<Program, Record<string, number>>;

  before(async () => {
    lab = await createLab();
    shareKey(lab.relay, lab.backend);
    await startOpenvpn(lab.relay, 'relay', address.relay);
    await startOpenvpn(lab.backend, 'backend', address.relay);
    await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    const untouched = { controller: await snapshot(lab.relay), agent: await snapshot(lab.backend) };
    const controller = await startDaemon(lab.relay, 'controller', [], mortal);
    const pairing = startPair(lab.relay, 'home', ['80/tcp', '5300/udp']);
    const enrolled = await homeward(lab.backend, 'agent', ['enroll', '--device', 'tun0'], {
      input: `${await tokenOf(pairing)}\n`,
    });
    expect(enrolled.exitCode, enrolled.stderr).to.equal(0);
    const agent = start(lab.backend, 'agent', ['run'], mortal);
    expect(await pairing.process.ended, pairing.process.stderr()).to.equal(0);
    stage = { lab, daemons: { controller, agent }, untouched };
    usual = { controller: await belongings(lab, lab.relay), agent: await belongings(lab, lab.backend) };
  });
  after(() => lab?.close());

  const nodeOf = ({ victim, at }: Phase) =>
    at === undefined ? { controller: lab.relay, agent: lab.backend }[victim] : lab[at];

  const revive = async (): Promise<void> => {
    for (const [program, node] of [['controller', lab.relay] as const, ['agent', lab.backend] as const]) {
      if (stage.daemons[program].alive()) continue;
      const daemon = start(node, program, [program === 'controller' ? 'serve' : 'run'], mortal);
      stage.daemons[program] = daemon;
      await daemon.prints(/is serving|is running/, 45_000);
    }
  };

  /** The number of boundaries passed, and whether the last one was deadly. */
  const dieAt = async (phase: Phase, at: number): Promise<{ passed: number; hasDied: boolean }> => {
    await phase.prepare?.();
    const stream = phase.isApart ? await startUdpStream(lab.client, address.relay, 5300) : null;
    const crash = arm(nodeOf(phase), at);
    await phase.act().catch(() => undefined);
    crash.disarm();
    const passed = crash.passed();
    const where = `${phase.name} of the ${phase.victim}, at ${passed.at(-1)}`;
    try {
      const hasDied = passed.length === at;
      if (hasDied && phase.at === undefined) {
        const daemon = stage.daemons[phase.victim];
        expect(await daemon.ended, 'ended by a signal').to.equal(null);
      }
      if (hasDied) await phase.meanwhile?.(at);
      await revive();
      await phase.complete?.();
      await expectConverged(lab, usual);
      if (stream !== null) {
        await stream.goesOn(10);
        const lost = await stream.end();
        expect(lost, `lost datagrams of ${stream.sent()}`).to.deep.equal([]);
      }
      await phase.reset?.();
      return { passed: passed.length, hasDied };
    } catch (cause) {
      throw new Error(`${where}: ${(cause as Error).message}`, { cause });
    }
  };

  const dieOnce = async (phase: Phase): Promise<void> => {
    const { passed, hasDied } = await dieAt(phase, randomInt(1, phase.boundaries + 1));
    if (hasDied) return;
    // It was over before: this time not.
    expect((await dieAt(phase, randomInt(1, Math.ceil(passed / 2) + 2))).hasDied).to.equal(true);
  };

  const dieEverywhere = async (phase: Phase): Promise<void> => {
    let at = 1;
    while ((await dieAt(phase, at)).hasDied) at += 1;
    expect(at, 'boundaries').to.be.above(1);
  };

  for (const phase of phasesOf(() => stage)) {
    if (onlyPhase !== undefined && onlyPhase !== phase.name) continue;
    it(`${phase.name}, the ${phase.victim} comes back and finds its way`, () => {
      if (isAll !== undefined) return dieEverywhere(phase);
      return onlyAt === undefined ? dieOnce(phase) : dieAt(phase, Number(onlyAt)).then(() => undefined);
    });
  }
});
