/**
 * Somebody at the relay and somebody at the backend undo again and again what homeward mends. It is said what is undone, and by
 * whom where the kernel tells; mending slows down and never ends; when the foes are gone, everything is whole again.
 */
import { copyFileSync } from 'node:fs';
import { expect } from 'chai';
import { homeward, type Program } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { pairUp, provenInTheEnd } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import type { Running } from '../support/running.js';
import { script } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { expectDone } from '../support/tidy.js';

/** What nft is called here when it is the foe's: the kernel tells the name of who wrote. */
const foesNft = '/run/gatekeeper';
const element = ['element', 'inet', 'homeward_relay', 'any4', '{ tcp . 80 }'];
/** Slot 1: the rule that sends marked replies into the tunnel. */
const markRule = ['rule', 'show', 'pref', '4301'];
/** A contest is over when nothing was undone for twenty seconds and twice the last pause, which is half a minute at most. */
const overAfterMs = 120_000;

interface Side {
  readonly program: Program;
  readonly node: LabNode;
  readonly daemon: Running;
  readonly foesCommand: readonly string[];
  /** The plan line that is contested. */
  readonly line: RegExp;
  /** Who is named, as JSON and for people. */
  readonly by: RegExp;
  readonly told: RegExp;
  /** Whether what is contested is there. */
  isWhole(): Promise<boolean>;
}

interface Foe {
  readonly process: Running;
  /** When it removed something, which had been mended before, ms. */
  undoneAt(): number[];
}

describe('a contest', function () {
  this.timeout(2 * overAfterMs + 60_000);
  let lab: Lab;
  let nginx: Service;
  let echo: UdpEcho;
  let sides: Readonly<Record<'relay' | 'backend', Side>>;
  let foes: Readonly<Record<'relay' | 'backend', Foe>>;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    const { controller, agent } = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    copyFileSync('/usr/sbin/nft', lab.relay.file(foesNft));
    sides = {
      relay: {
        ...{ program: 'controller', node: lab.relay, daemon: controller },
        foesCommand: [foesNft, 'delete', ...element],
        line: /any4 \{ tcp \. 80 /,
        ...{
          by: /^"gatekeeper, process \d+"$/,
          told: /last by gatekeeper, process \d+; it is mended ever more slowly/,
        },
        isWhole: async () => (await lab.relay.run(['nft', 'get', ...element])).exitCode === 0,
      },
      backend: {
        ...{ program: 'agent', node: lab.backend, daemon: agent },
        foesCommand: ['ip', 'rule', 'delete', 'pref', '4301'],
        line: /rule pref 4301 fwmark /,
        ...{ by: /^null$/, told: /the kernel does not tell who; it is mended ever more slowly/ },
        isWhole: async () => (await lab.backend.must(['ip', ...markRule])) !== '',
      },
    };
    foes = { relay: startFoe(sides.relay), backend: startFoe(sides.backend) };
  });
  after(() => lab?.close());

  const startFoe = ({ node, foesCommand }: Side): Foe => {
    const process = node.spawn(script('services/undo', ...foesCommand));
    return { process, undoneAt: () => process.stdout().split('\n').slice(0, -1).map(Number) };
  };
  const contestAt = async ({ node, program }: Side): Promise<{ line: string; by: string | null } | null> => {
    const { stdout } = await homeward(node, program, ['status', '--json']);
    const document = JSON.parse(stdout);
    return (program === 'controller' ? document.relay : document).contest;
  };
  const timesTold = ({ daemon }: Side): number =>
    daemon.stderr().split('somebody undoes again and again what is mended').length - 1;

  const expectPeace = async (side: Side): Promise<void> => {
    await poll('what was contested', overAfterMs, async () => ((await side.isWhole()) ? true : undefined));
    await poll('status without a contest', overAfterMs, async () =>
      (await contestAt(side)) === null ? true : undefined,
    );
    expect(await side.isWhole()).to.equal(true);
    expect(side.daemon.stderr()).to.include('what is mended lasts again');
    expect(timesTold(side)).to.equal(1);
  };

  for (const name of ['relay', 'backend'] as const) {
    it(`at the ${name} is told by status, with what is undone and by whom, and once by the log`, async () => {
      const side = sides[name];
      const found = await poll('the contest in status', 60_000, async () => (await contestAt(side)) ?? undefined);
      expect(found.line).to.match(side.line);
      expect(JSON.stringify(found.by)).to.match(side.by);
      const shown = await homeward(side.node, side.program, ['status']);
      expectDone(shown);
      expect(shown.stdout).to.match(/somebody undoes again and again what homeward mends: /);
      expect(shown.stdout).to.match(side.told);
      expect(timesTold(side)).to.equal(1);
    });

    it(`at the ${name} is fought ever more slowly, and not given up`, async () => {
      const times = await poll('a repair after a pause of six seconds', 120_000, () => {
        const all = foes[name].undoneAt();
        return all.some((time, index) => time - (all[index - 1] ?? time) > 6_000) ? all : undefined;
      });
      // Some fifty until it is a contest, and from then on a few after each pause.
      expect(times.length).to.be.below(150);
    });
  }

  it('leaves everything else as it was meanwhile', async () => {
    expectDone(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', '8443=80/tcp']));
    await poll('a served client of another forward', 30_000, async () => {
      await expectTcp(lab, 8443, nginx);
      return true;
    });
  });

  it('ends with its foes: all is mended, and nothing is said any more', async () => {
    await Promise.all(Object.values(foes).map(({ process }) => process.kill('SIGKILL')));
    await Promise.all(Object.values(sides).map(expectPeace));
  });

  it('has left nothing broken', async () => {
    await provenInTheEnd(lab.relay, ['home']);
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  });
});
