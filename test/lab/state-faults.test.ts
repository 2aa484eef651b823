/** What can happen to the state: a full or read-only disk, damaged files, other owners, two daemons. Traffic goes on, and what does not work is said. */
import { chmodSync, chownSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import {
  command,
  controllerStatus,
  homeward,
  options,
  type Program,
  probe,
  startDaemon,
  stateDirectory,
} from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode, Outcome } from '../support/lab-node.js';
import { pairUp, provenInTheEnd } from '../support/pairing.js';
import { expectTcp } from '../support/real-client.js';
import type { Running } from '../support/running.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';
import { startUdpStream } from '../support/udp-stream.js';

const verbs = { controller: 'serve', agent: 'run' } as const;
const programs = ['controller', 'agent'] as const;
const directoryOf = (program: Program): string => `${stateDirectory}/${program}`;

describe('state faults', () => {
  let lab: Lab;
  let nginx: Service;
  let daemons: Record<Program, Running>;

  const nodeOf = (program: Program): LabNode => ({ controller: lab.relay, agent: lab.backend })[program];
  const file = (program: Program, name: string): string => nodeOf(program).file(`${directoryOf(program)}/${name}`);
  const controller = (...args: string[]): Promise<Outcome> => homeward(lab.relay, 'controller', args);
  const tryToStart = (program: Program): Promise<Outcome> =>
    homeward(nodeOf(program), program, [verbs[program]], { timeoutMs: 30_000 });
  const revive = async (program: Program): Promise<void> => {
    daemons[program] = await startDaemon(nodeOf(program), program);
  };

  before(async () => {
    lab = await createLab();
    [nginx] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    for (const program of programs) {
      const node = nodeOf(program);
      await node.must(['mkdir', '-p', '-m', '700', directoryOf(program)]);
      await node.must(['mount', '-t', 'tmpfs', '-o', 'size=256k,mode=700', 'small', directoryOf(program)]);
    }
    const paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    daemons = { controller: paired.controller, agent: paired.agent };
  });
  after(() => lab?.close());

  const fill = async (program: Program): Promise<void> => {
    const { exitCode } = await nodeOf(program).run([
      'dd',
      'if=/dev/zero',
      `of=${directoryOf(program)}/ballast`,
      'bs=4k',
    ]);
    expect(exitCode, 'the disk is full').to.equal(1);
  };
  const empty = (program: Program): void => rmSync(file(program, 'ballast'), { force: true });
  // Also after a test that failed: the next one begins with a disk that is well.
  afterEach(() => {
    for (const program of programs) empty(program);
  });
  const remount = (program: Program, mode: 'ro' | 'rw'): Promise<string> =>
    nodeOf(program).must(['mount', '-o', `remount,${mode}`, directoryOf(program)]);

  /** Runs something while a client's stream goes on, which loses nothing. */
  const beside = async (action: () => Promise<void>): Promise<void> => {
    const stream = await startUdpStream(lab.client, address.relay, 5300);
    await action();
    await stream.goesOn(10);
    expect(await stream.end(), 'lost datagrams').to.deep.equal([]);
  };

  it('a full disk at the relay: a change is refused, everything else goes on, also after a restart', () =>
    beside(async () => {
      await fill('controller');
      expectRefused(
        await controller('forward', 'add', 'home', '8100=80/tcp'),
        4,
        /cannot write \S+controller\.json: no space left on device\n.*df \//,
      );
      expect((await probe(lab.relay)).exitCode).to.equal(0);
      await daemons.controller.kill('SIGKILL');
      await revive('controller');
      await provenInTheEnd(lab.relay);
      empty('controller');
      expectDone(await controller('forward', 'add', 'home', '8100=80/tcp'));
      await expectTcp(lab, 8100, nginx);
      expectDone(await controller('forward', 'remove', 'home', '8100=80/tcp'));
    }));

  it('a full disk at the backend: the change is refused and undone, everything else goes on', () =>
    beside(async () => {
      await fill('agent');
      const refused = await controller('forward', 'add', 'home', '8101=80/tcp');
      expectRefused(refused, 1, /backend "home" could not be set up: cannot write \S+agent\.json: no space left/);
      const [home] = (await controllerStatus(lab.relay)).backends;
      expect(home?.forwards.find(({ spec }) => spec === '8101=80/tcp')?.state).to.equal('failed');
      await expectTcp(lab, 80, nginx);
      empty('agent');
      expectDone(await controller('forward', 'add', 'home', '8101=80/tcp'));
      await expectTcp(lab, 8101, nginx);
      expectDone(await controller('forward', 'remove', 'home', '8101=80/tcp'));
    }));

  it('a read-only directory: changes are refused, everything else goes on, also after a restart', () =>
    beside(async () => {
      for (const program of programs) await remount(program, 'ro');
      expectRefused(await controller('forward', 'add', 'home', '8102=80/tcp'), 4, /read-only file system/);
      expect((await probe(lab.relay)).exitCode).to.equal(0);
      for (const program of programs) {
        await daemons[program].kill('SIGKILL');
        await revive(program);
      }
      await provenInTheEnd(lab.relay);
      expectRefused(await controller('unpair', 'home'), 4, /read-only file system/);
      for (const program of programs) await remount(program, 'rw');
      expectDone(await controller('forward', 'add', 'home', '8102=80/tcp'));
      expectDone(await controller('forward', 'remove', 'home', '8102=80/tcp'));
    }));

  describe('with the daemons away', () => {
    before(async () => {
      for (const program of programs) await daemons[program].kill();
    });
    after(async () => {
      for (const program of programs) await revive(program);
      await provenInTheEnd(lab.relay);
    });
    afterEach(() => expectTcp(lab, 80, nginx));

    /** What becomes of a good file, and what is said of it. */
    const damages: Readonly<Record<string, readonly [(text: string) => string, RegExp]>> = {
      truncated: [(text) => text.slice(0, text.length / 2), /is damaged or of another version: it is not JSON/],
      emptied: [() => '', /is damaged or of another version: it is not JSON/],
      garbled: [() => '\u0000\u0001 garbage', /is damaged or of another version: it is not JSON/],
      'of a newer version': [
        (text) => text.replace('"version": 1', '"version": 2'),
        /has format 2, which this version of homeward does not know\n.*start the version that wrote it/,
      ],
    };

    for (const program of programs) {
      for (const name of [`${program}.json`, `${program}-kernel.json`]) {
        for (const [damage, [spoil, says]] of Object.entries(damages)) {
          it(`${name} ${damage}: the start is refused, and the file stays as it is`, async () => {
            const path = file(program, name);
            const good = readFileSync(path, 'utf8');
            const bad = spoil(good);
            writeFileSync(path, bad);
            const refused = await tryToStart(program);
            expectRefused(refused, 4, says);
            expect(refused.stderr).to.include(`${directoryOf(program)}/${name}`);
            expect(readFileSync(path, 'utf8')).to.equal(bad);
            writeFileSync(path, good);
          });
        }

        it(`${name} gone, with the previous one there: the start is refused`, async () => {
          const path = file(program, name);
          renameSync(path, `${path}.away`);
          expectRefused(await tryToStart(program), 4, /is gone, but the state before it is in \S+\.previous\n.*mv /);
          renameSync(`${path}.away`, path);
        });
      }

      it(`the directory of the ${program} open to others, or somebody else's: the start is refused`, async () => {
        const path = nodeOf(program).file(directoryOf(program));
        chmodSync(path, 0o755);
        expectRefused(await tryToStart(program), 4, /can be read by others.*\n.*chmod 700 /);
        chmodSync(path, 0o700);
        chownSync(path, 65_534, 65_534);
        expectRefused(await tryToStart(program), 4, /belongs to user 65534.*\n.*chown -R 0 /);
        chownSync(path, 0, 0);
      });
    }
  });

  it('a second daemon is refused: in the same network, and with the same state in another one', async () => {
    for (const program of programs) {
      const node = nodeOf(program);
      expectRefused(
        await tryToStart(program),
        2,
        new RegExp(`another ${program} daemon runs in this network namespace`),
      );
      const elsewhere = ['unshare', '--net', ...command(program, [verbs[program]])];
      const env = { HOMEWARD_RUN_DIR: `/run/elsewhere-${program}` };
      const refused = await node.run(elsewhere, options(program, { env, timeoutMs: 30_000 }));
      expectRefused(
        refused,
        2,
        new RegExp(`another ${program} uses the state in ${directoryOf(program)}\n.*--state-dir`),
      );
      expect(daemons[program].alive()).to.equal(true);
    }
    expect((await probe(lab.relay)).exitCode).to.equal(0);
  });
});
