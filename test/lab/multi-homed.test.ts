/** Relays and backends with other addresses than one each: mapped by a cloud, gone for a while, or of a second provider. */
import { expect } from 'chai';
import { cloudAddress, moveRelayToCloud } from '../support/cloud.js';
import { controllerStatus, homeward, probe, startDaemon } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp, provenInTheEnd } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectTcpAt, expectUdp, expectUdpAt } from '../support/real-client.js';
import { tcpGet } from '../support/scripts.js';
import { laySecondUplink, secondUplink } from '../support/second-uplink.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

const forwards = ['80/tcp', '5300/udp'];

/** Before WireGuard would notice by itself that nobody answers (15 s), or a session (half a minute). */
const inTimeMs = 10_000;

/** What `status` says of a forward: its state and the reason. */
const told = async (lab: Lab, spec: string): Promise<{ state: string; reason: string | null } | undefined> =>
  (await controllerStatus(lab.relay)).backends[0]?.forwards.find((forward) => forward.spec === spec);

describe('a relay whose public address its cloud maps', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let untouched: Snapshot;
  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);

  beforeEach(async () => {
    lab = await createLab();
    await moveRelayToCloud(lab);
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    untouched = await snapshot(lab.relay);
  });
  afterEach(() => lab?.close());

  it('is asked for what agents can dial, and where that was told shows services the clients', async () => {
    await pairUp(lab, { forwards, controllerArgs: ['--endpoint', address.relay] });
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
    await expectTcpAt(lab, address6.relay, 80, nginx);
    expect((await probe(lab.relay)).exitCode).to.equal(0);
    expectDone(await controller('down'));
    await expectUnchanged(lab.relay, untouched);
  });

  it('says that its own address is none that backends could dial, wherever it gives a token', async () => {
    await startDaemon(lab.relay, 'controller');
    const advice = new RegExp(`${cloudAddress} is a private address.*--endpoint`);
    const paired = await controller('pair', 'home', '--no-wait');
    expect(paired.stdout).to.match(advice);
    expect((await controller('token', 'create', 'nas')).stdout).to.match(advice);
  });

  it('leads by the address that it has itself, and says of the mapped one that it is not there', async () => {
    await pairUp(lab, { forwards, controllerArgs: ['--endpoint', address.relay] });
    const [byOwn, byMapped] = [`${cloudAddress}:8080=80/tcp`, `${address.relay}:8081=80/tcp`];
    expectDone(await controller('forward', 'add', 'home', byOwn));
    await expectTcpAt(lab, address.relay, 8080, nginx);
    const added = await controller('forward', 'add', 'home', byMapped);
    expectDone(added);
    const problem = new RegExp(`no address ${address.relay} at present, only ${cloudAddress};.* name that one`);
    expect(added.stdout).to.match(problem);
    const forward = await told(lab, byMapped);
    expect(forward?.state).to.equal('failed');
    expect(forward?.reason).to.match(problem);
    const { report } = await probe(lab.relay);
    expect(report.results.filter(({ ok }) => !ok).map(({ forward: spec, cause }) => [spec, cause])).to.deep.equal([
      [byMapped, 'no-entrance'],
    ]);
  });
});

describe('an address of a relay that vanishes and returns', () => {
  const spec = `${address.relaySecond}:8080=80/tcp`;
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await pairUp(lab, { forwards: [...forwards, spec] });
  });
  after(() => lab?.close());

  const second = (verb: 'add' | 'delete') =>
    lab.relay.must(['ip', 'address', verb, `${address.relaySecond}/24`, 'dev', 'eth0']);

  it('takes what names it along, and nothing else', async () => {
    await expectTcpAt(lab, address.relaySecond, 8080, nginx);
    await expectUdpAt(lab, address.relaySecond, 5300, echo);
    await second('delete');
    await poll('status to say so', 5_000, async () => ((await told(lab, spec))?.state === 'failed' ? true : undefined));
    expect((await told(lab, spec))?.reason).to.include(`no address ${address.relaySecond} at present`);
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
    expect((await tcpGet(lab.client, address.relaySecond, 8080)).replies).to.deep.equal([]);
    const { report } = await probe(lab.relay);
    expect(report.results.filter(({ ok }) => !ok).map(({ forward, cause }) => [forward, cause])).to.deep.equal([
      [spec, 'no-entrance'],
    ]);
  });

  it('brings it back without a command', async () => {
    await second('add');
    await expectTcpAt(lab, address.relaySecond, 8080, nginx);
    await expectUdpAt(lab, address.relaySecond, 5300, echo);
    await poll('status to say so', 5_000, async () => ((await told(lab, spec))?.state === 'active' ? true : undefined));
    expect((await probe(lab.relay)).exitCode).to.equal(0);
  });
});

describe('a backend with two uplinks', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let untouched: Snapshot;

  before(async () => {
    lab = await createLab();
    await laySecondUplink(lab);
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    untouched = await snapshot(lab.backend);
    await pairUp(lab, { forwards });
  });
  after(() => lab?.close());

  const endpointNow = () => lab.relay.must(['wg', 'show', 'hw0', 'endpoints']);
  const expectServed = async (): Promise<void> => {
    await poll('a real client to be served again', inTimeMs, async () => {
      await expectUdp(lab, 5300, echo, 1);
      return true;
    });
    await expectTcp(lab, 80, nginx);
    await provenInTheEnd(lab.relay);
  };

  it('goes on by the second one when the first fails', async () => {
    await expectServed();
    expect(await endpointNow()).to.include(address.home);
    await lab.backend.must('ip link set eth0 down'.split(' '));
    await expectServed();
    expect(await endpointNow()).to.include(secondUplink.address);
  });

  it('comes back to the first one with it', async () => {
    await lab.backend.must(['ip', '-batch', '-'], {
      input: [
        'link set eth0 up',
        'route add default via 192.168.1.1',
        // IPv6 addresses do not survive a link that is down, nor their routes.
        `address add ${address6.backend}/64 dev eth0`,
        'route add default via 2001:db8:1::1',
        '',
      ].join('\n'),
    });
    await expectServed();
    await poll('the first way', inTimeMs, async () =>
      (await endpointNow()).includes(address.home) ? true : undefined,
    );
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    await expectUnchanged(lab.backend, untouched);
  });
});
