/**
 * The packages on a stock Debian with systemd: installed, upgraded and removed by dpkg while traffic goes on.
 *
 * One virtual machine has both. Its controller leads the client to the lab's backend, its agent serves the lab's relay:
 * ```
 *   client ──► guest (homeward-controller) ──► backend: UDP echo 5300
 *   client ──► relay ──► guest (homeward-agent): UDP echo 5301
 * ```
 */
import { expect } from 'chai';
import { endpoint } from '../../support/endpoint.js';
import { homeward, start, startDaemon } from '../../support/homeward.js';
import { address, createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { startPair, tokenOf } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { script } from '../../support/scripts.js';
import { startUdpEcho } from '../../support/services.js';
import { type Snapshot, snapshot } from '../../support/snapshot.js';
import { expectUnchanged } from '../../support/tidy.js';
import { startUdpStream, type UdpStream } from '../../support/udp-stream.js';
import { packageFile, versions } from '../../support/vm/debian-packages.js';
import { bootLabGuest, interfacesFile, labGuest, settle } from '../../support/vm/lab-guest.js';
import { exposure, guardUnits, service, unitOf, untilActiveAnew } from '../../support/vm/service.js';
import type { Vm } from '../../support/vm/vm.js';

const PROGRAMS = ['controller', 'agent'] as const;

/** Between datagrams of a stream; more of them would take most of an emulated processor's time. */
const intervalMs = 50;

/** A device that leads nowhere, at either end. */
const badWay = 'way0';

describe('packages', () => {
  let lab: Lab;
  let vm: Vm;
  let guest: LabNode;
  let untouched: Snapshot;
  let streams: readonly UdpStream[] = [];

  const dpkg = (verb: string, ...what: string[]) =>
    guest.must(['dpkg', `--${verb}`, ...what], { env: { DEBIAN_FRONTEND: 'noninteractive' } });

  /** Both ways carry traffic: datagrams sent from now on are answered, and both services see the client. */
  const expectTraffic = async (): Promise<void> => {
    for (const stream of streams) {
      const last = await stream.goesOn(20);
      const answer = await poll(`an answer after datagram ${last}`, 10_000, () =>
        stream.answers().find(({ number }) => number > last - 20),
      );
      expect(answer.seen).to.equal(endpoint(address.client, stream.localPort));
    }
  };

  before(async () => {
    lab = await createLab();
    vm = await bootLabGuest(lab, 'packages', interfacesFile);
    guest = vm.node;
    await settle(guest);
    // A service that gets no time for seconds, because dpkg takes it all, must not lose what waits for it.
    await guest.must(['sysctl', '-q', 'net.core.rmem_default=4194304']);
    untouched = await snapshot(guest);
  });
  after(async () => {
    await vm?.close();
    await lab?.close();
  });

  it('install: the controller runs at once, the agent waits for its token', async () => {
    await dpkg('install', ...PROGRAMS.map((side) => packageFile(side, versions.old)));
    expect(await service(guest, 'controller')).to.include({
      ...{ ActiveState: 'active', UnitFileState: 'enabled', Type: 'notify', StatusText: '0 backends, 0 online' },
    });
    expect(await service(guest, 'agent')).to.include({ ActiveState: 'inactive', UnitFileState: 'disabled' });
  });

  it('pair the controller with a backend elsewhere, and the agent with a relay elsewhere', async () => {
    const echo = ['0.0.0.0', '5301', '/opt/share/echo.log'];
    await startUdpEcho(lab.backend, 5300);
    await guest.spawn(script('services/udp-echo', ...echo)).prints(/ready/, 60_000);

    // Without waiting: the probes' own limits are meant for machines that are not emulated.
    const pairing = await guest.must(['controller', 'pair', 'home', '--json', '--no-wait', '--forward', '5300/udp']);
    const [, token = ''] = /"token":"([^"]+)"/.exec(pairing) ?? [];
    const enrolled = await homeward(lab.backend, 'agent', ['enroll'], { input: token });
    expect(enrolled.exitCode, enrolled.stderr).to.equal(0);
    start(lab.backend, 'agent', ['run']);

    await startDaemon(lab.relay, 'controller');
    const other = startPair(lab.relay, 'guest', ['5301/udp'], ['--no-wait']);
    const told = await guest.must(['agent', 'enroll'], { input: await tokenOf(other) });
    expect(told).to.include(`${unitOf('agent')} is active`);
    for (const side of PROGRAMS) {
      expect(await service(guest, side)).to.include({
        ...{ ActiveState: 'active', UnitFileState: 'enabled', Type: 'notify' },
        // A package's unit is used as it is.
        FragmentPath: `/lib/systemd/system/${unitOf(side)}`,
      });
    }
    streams = [
      await startUdpStream(lab.client, labGuest.address, 5300, intervalMs),
      await startUdpStream(lab.client, address.relay, 5301, intervalMs),
    ];
    await poll('traffic on both ways', 60_000, () =>
      streams.every((one) => one.answers().length > 0) ? true : undefined,
    );
    await expectTraffic();
  });

  for (const side of PROGRAMS) {
    it(`${side}: the sandbox leaves it little (systemd-analyze security)`, async () => {
      const { level, told } = await exposure(guest, side);
      process.stdout.write(`  ${told.trim()}\n`);
      expect(level).to.be.below(4);
    });
  }

  it('upgrade: both daemons are others, and no datagram is lost', async () => {
    const former = await Promise.all(PROGRAMS.map((side) => service(guest, side)));
    const begin = await Promise.all(streams.map((stream) => stream.goesOn(1)));
    await dpkg('install', ...PROGRAMS.map((side) => packageFile(side, versions.new)));
    const now = await Promise.all(PROGRAMS.map((side) => service(guest, side)));
    for (const [index, properties] of now.entries()) {
      expect(properties).to.include({ ActiveState: 'active', NRestarts: '0' });
      expect(properties.MainPID).to.not.equal(former[index]?.MainPID);
    }
    await expectTraffic();
    for (const [index, stream] of streams.entries()) {
      const [first = 0, last] = [begin[index], await stream.goesOn(100)];
      const answered = new Set(stream.answers().map(({ number }) => number));
      const sent = Array.from({ length: last - 100 - first }, (_, offset) => first + 1 + offset);
      expect(
        sent.filter((number) => !answered.has(number)),
        `lost by stream ${index}`,
      ).to.deep.equal([]);
    }
  });

  it('a daemon that hangs is started anew by the watchdog, and traffic goes on', async () => {
    await guest.must(['mkdir', '-p', ...PROGRAMS.map((side) => `/run/systemd/system/${unitOf(side)}.d`)]);
    for (const side of PROGRAMS) {
      await guest.must(['tee', `/run/systemd/system/${unitOf(side)}.d/test.conf`], {
        input: '[Service]\nWatchdogSec=20\n',
      });
    }
    await guest.must(['systemctl', 'daemon-reload']);
    await guest.must(['systemctl', 'restart', ...PROGRAMS.map(unitOf)]);
    const former = await Promise.all(PROGRAMS.map((side) => service(guest, side)));
    for (const { MainPID } of former) await guest.must(['kill', '-STOP', MainPID]);
    await expectTraffic();
    for (const [index, side] of PROGRAMS.entries()) {
      const now = await untilActiveAnew(guest, side, former[index]?.MainPID ?? '');
      expect(Number(now.NRestarts)).to.be.above(0);
    }
    await expectTraffic();
  });

  it('a change of tunnels is undone by a unit of its own, though the whole service was killed and does not come back', async () => {
    const dropIn = `/run/systemd/system/${unitOf('controller')}.d/test.conf`;
    await guest.must(['tee', dropIn], { input: '[Service]\nRestart=no\n' });
    await guest.must(['systemctl', 'daemon-reload']);
    // Two devices that lead nowhere: the new tunnel proves nothing, and clients wait until it is undone.
    const lay = async (node: LabNode, kind: readonly string[], own: string): Promise<void> => {
      await node.must(['ip', 'link', 'add', badWay, 'type', ...kind]);
      await node.must(['ip', 'address', 'add', `${own}/24`, 'dev', badWay]);
      await node.must(['ip', 'link', 'set', badWay, 'up']);
    };
    await lay(guest, ['dummy'], '10.203.0.1');
    await lay(lab.backend, ['veth', 'peer', 'name', `${badWay}-far`], '10.203.0.2');
    const named = await homeward(lab.backend, 'agent', ['device', badWay]);
    expect(named.exitCode, named.stderr).to.equal(0);

    const change = ['--tunnel', 'external', '--device', badWay, '--confirm-timeout', '60s'];
    await guest.spawn(['controller', 'pair', 'home', '--json', ...change]).prints(/"event":"applied"/, 120_000);
    expect(await guardUnits(guest)).to.have.lengthOf(1);
    await guest.must(['systemctl', 'kill', '--signal=SIGKILL', unitOf('controller')]);
    await poll('the dead service', 60_000, async () =>
      (await service(guest, 'controller')).ActiveState === 'failed' ? true : undefined,
    );
    expect(await guardUnits(guest)).to.have.lengthOf(1);
    await poll('the end of the guard', 240_000, async () =>
      (await guardUnits(guest)).length === 0 ? true : undefined,
    );
    expect((await service(guest, 'controller')).ActiveState).to.equal('failed');
    await expectTraffic();

    await guest.must(['rm', dropIn]);
    await guest.must(['systemctl', 'daemon-reload']);
    await guest.must(['systemctl', 'reset-failed', unitOf('controller')]);
    await guest.must(['systemctl', 'start', unitOf('controller')]);
    for (const node of [guest, lab.backend]) await node.must(['ip', 'link', 'delete', badWay]);
    await expectTraffic();
  });

  it('removal: everything is out of the kernel, keys and pairings stay', async () => {
    for (const stream of streams) await stream.end();
    await dpkg('remove', ...PROGRAMS.map((side) => `homeward-${side}`));
    await expectUnchanged(guest, untouched, 10_000);
    for (const side of PROGRAMS) {
      await guest.must(['test', '-s', `/var/lib/homeward/${side}/${side}.json`]);
      expect((await service(guest, side)).ActiveState).to.equal('inactive');
    }
    await guest.must(['test', '-e', '/etc/homeward/controller.json']);
  });

  it('purge: nothing is left', async () => {
    await dpkg('purge', ...PROGRAMS.map((side) => `homeward-${side}`));
    const found = await guest.must(['find', '/etc', '/var/lib', '/usr', '/run', '-xdev', '-name', '*homeward*']);
    const ours = found.split('\n').filter((path) => path !== '' && !/homeward[-.]test|\.service\.d$/.test(path));
    expect(ours).to.deep.equal([]);
  });
});
