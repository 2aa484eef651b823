/** What homeward is doing when it dies: each phase with what its user does, and does again afterwards. */
import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { controllerStatus, homeward, type Program, start, stateDirectory } from '../homeward.js';
import type { Lab } from '../lab.js';
import type { Outcome } from '../lab-node.js';
import { vpn } from '../openvpn.js';
import { poll } from '../poll.js';
import type { Running } from '../running.js';
import type { Snapshot } from '../snapshot.js';
import { expectDone, expectUnchanged } from '../tidy.js';
import { mortal } from './crasher.js';

export interface Phase {
  readonly name: string;
  /** Who dies. */
  readonly victim: Program;
  /** How many boundaries it has about; it tells itself when it is over. */
  readonly boundaries: number;
  /** The machine on which it dies, where that is not the paired one. */
  readonly at?: 'backend2';
  /** Whether the standing forwards have nothing to do with it, so that their clients must lose nothing. */
  readonly isApart: boolean;
  prepare?(): Promise<void>;
  /** What its user does when it happens; may fail then. */
  act(): Promise<unknown>;
  /** What the user does while it is dead. Gets the number of the boundary. */
  meanwhile?(at: number): Promise<void>;
  /** What the user does when the daemons run again; now it must be so. */
  complete?(): Promise<void>;
  /** Back to where the phase began. */
  reset?(): Promise<void>;
}

export interface Stage {
  readonly lab: Lab;
  readonly daemons: Record<Program, Running>;
  /** The machines before homeward came. */
  readonly untouched: Readonly<Record<Program, Snapshot>>;
}

const extra = ['8100=80/tcp', '5400=5300/udp'];
const otherState = `${stateDirectory}/other`;

const daemonOf = { controller: 'serve', agent: 'run' } as const;

/** `stage` is asked only when a phase is played. */
export const phasesOf = (stage: () => Stage): Phase[] => {
  const nodeOf = (victim: Program) => ({ controller: stage().lab.relay, agent: stage().lab.backend })[victim];
  const controller = (...args: string[]): Promise<Outcome> => homeward(stage().lab.relay, 'controller', args);
  const spares = async () =>
    (await controllerStatus(stage().lab.relay)).backends.filter(({ name }) => name === 'spare');
  const unpairSpare = async (): Promise<void> => {
    const { exitCode, stderr } = await controller('unpair', 'spare');
    if (exitCode !== 0) expect(stderr).to.match(/no backend/);
    expect(await spares()).to.deep.equal([]);
  };

  const addExtra = async (): Promise<void> => expectDone(await controller('forward', 'add', 'home', ...extra));
  const removeExtra = async (): Promise<void> => {
    const { exitCode, stderr } = await controller('forward', 'remove', 'home', ...extra);
    if (exitCode !== 0) expect(stderr).to.match(/has no forward/);
    const { stdout } = await controller('forward', 'list', 'home', '--json');
    expect((JSON.parse(stdout) as { forwards: string[] }).forwards).to.deep.equal(['80/tcp', '5300/udp']);
  };

  const forwards = (victim: Program): Phase[] => [
    {
      ...{ name: 'forward add', victim, boundaries: victim === 'agent' ? 18 : 60, isApart: true },
      act: () => controller('forward', 'add', 'home', ...extra),
      complete: addExtra,
      reset: removeExtra,
    },
    {
      ...{ name: 'forward remove', victim, boundaries: victim === 'agent' ? 18 : 60, isApart: true },
      prepare: addExtra,
      act: () => controller('forward', 'remove', 'home', ...extra),
      complete: removeExtra,
    },
  ];

  const tunnel = (victim: Program): Phase => {
    const toDevice = ['pair', 'home', '--tunnel', 'external', '--device', vpn.device, '--timeout', '30s'];
    const repeated = (args: readonly string[]) =>
      poll(args.join(' '), 90_000, async () => {
        expectDone(await controller(...args));
        return true;
      });
    return {
      ...{ name: 'tunnel switch', victim, boundaries: 120, isApart: false },
      act: () => controller(...toDevice),
      complete: async () => {
        await repeated(toDevice);
        const [home] = (await controllerStatus(stage().lab.relay)).backends;
        expect(home?.tunnel?.device).to.equal(vpn.device);
        await repeated(['pair', 'home', '--tunnel', 'wireguard', '--timeout', '30s']);
      },
    };
  };

  const startUp = (victim: Program): Phase => ({
    ...{ name: 'start', victim, boundaries: 80, isApart: false },
    prepare: async () => {
      expectDone(await homeward(nodeOf(victim), victim, ['down']));
      await stage().daemons[victim].ended;
    },
    act: async () => {
      stage().daemons[victim] = start(nodeOf(victim), victim, [daemonOf[victim]], mortal);
      await Promise.race([stage().daemons[victim].ended, stage().daemons[victim].prints(/is serving|is running/)]);
    },
  });

  const down = (victim: Program): Phase => ({
    ...{ name: 'down', victim, boundaries: 50, isApart: false },
    act: async () => {
      await homeward(nodeOf(victim), victim, ['down']);
      await stage().daemons[victim].ended;
    },
    meanwhile: async (at) => {
      // Every other time it was the user's last word: once more, and the machine is as it was found.
      if (at % 2 === 0) return;
      expectDone(await homeward(nodeOf(victim), victim, ['down']));
      await expectUnchanged(nodeOf(victim), stage().untouched[victim], 5_000);
    },
  });

  return [
    ...enrolling(stage, controller, spares, unpairSpare),
    {
      ...{ name: 'pair', victim: 'controller', boundaries: 36, isApart: true },
      act: () => controller('pair', 'spare', '--no-wait', '--forward', '8200/tcp', '--json'),
      complete: async () => {
        const again = await controller('pair', 'spare', '--no-wait', '--forward', '8200/tcp', '--json');
        expectDone(again);
        expect(again.stdout).to.match(/"event":"token"/);
        expect((await spares()).map(({ state }) => state)).to.deep.equal(['waiting']);
      },
      reset: unpairSpare,
    },
    {
      ...{ name: 'unpair', victim: 'controller', boundaries: 18, isApart: true },
      prepare: async () => expectDone(await controller('pair', 'spare', '--no-wait', '--forward', '8200/tcp')),
      act: () => controller('unpair', 'spare'),
      complete: unpairSpare,
    },
    ...forwards('controller'),
    ...forwards('agent'),
    tunnel('controller'),
    tunnel('agent'),
    startUp('controller'),
    startUp('agent'),
    down('controller'),
    down('agent'),
  ];
};

/** A token, used by another machine while either end dies: it is used once, by whom it was used first. */
const enrolling = (
  stage: () => Stage,
  controller: (...args: string[]) => Promise<Outcome>,
  spares: () => Promise<readonly { readonly fingerprint: string | null }[]>,
  unpairSpare: () => Promise<void>,
): Phase[] => {
  let token = '';
  const prepare = async (): Promise<void> => {
    const made = await controller('token', 'create', 'spare', '--json');
    expectDone(made);
    token = (JSON.parse(made.stdout) as { token: string }).token;
  };
  const enroll = (stateDir: string): Promise<Outcome> =>
    homeward(stage().lab.backend2, 'agent', ['enroll', '--json', '--timeout', '20s'], {
      input: `${token}\n`,
      env: { ...mortal.env, HOMEWARD_STATE_DIR: stateDir },
    });
  const own = `${stateDirectory}/agent`;
  const complete = async (): Promise<void> => {
    const again = await enroll(own);
    if (again.exitCode !== 0) expect(again.stderr, again.stdout).to.match(/already paired/);
    expect((await enroll(otherState)).exitCode, 'a stranger with the same token').to.equal(1);
    const [spare, ...more] = await spares();
    expect(more).to.deep.equal([]);
    expect(spare?.fingerprint).to.be.a('string');
    if (again.exitCode === 0) expect(JSON.parse(again.stdout)).to.include({ fingerprint: spare?.fingerprint });
  };
  const reset = async (): Promise<void> => {
    await unpairSpare();
    for (const directory of [own, otherState]) {
      rmSync(stage().lab.backend2.file(directory), { recursive: true, force: true });
    }
  };
  const phase = { isApart: true, prepare, act: () => enroll(own), complete, reset } as const;
  return [
    { name: 'token use', victim: 'controller', boundaries: 18, ...phase },
    { name: 'enroll', victim: 'agent', boundaries: 35, at: 'backend2', ...phase },
  ];
};
