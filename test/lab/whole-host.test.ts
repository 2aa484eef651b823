/** Everything of a relay's addresses goes to one backend: every port, ping and other protocols, each from its real client. */
import { expect } from 'chai';
import { agentStatus, controllerStatus, homeward } from '../support/homeward.js';
import { ping, watchPings } from '../support/icmp.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp, provenInTheEnd } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { rawWhoami, startRawService } from '../support/raw-ip.js';
import { expectTcp, expectTcpAt, expectUdp, expectUdpAt } from '../support/real-client.js';
import { script, tcpGet } from '../support/scripts.js';
import { sctp, sctpWhoami } from '../support/sctp.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectLogin, openSession, type SshSession, startSshd } from '../support/ssh.js';
import { expectDone, expectRefused, expectUnchanged } from '../support/tidy.js';

/** For experiments (RFC 3692): nobody's; and IP in IP, of tunnels that are the clients' own. */
const protocols = [253, 4];
const clients = { 4: address.client, 6: address6.client } as const;
const relays = { 4: address.relay, 6: address6.relay } as const;

describe('a whole host', () => {
  let lab: Lab;
  let nginx: Service;
  let other: Service;
  let echo: Service;
  let boundEcho: Service;
  let session: SshSession;
  let pings: () => Promise<string>;
  let found: { relay: Snapshot; backend: Snapshot };

  before(async () => {
    lab = await createLab();
    [nginx, other, echo, boundEcho] = await Promise.all([
      startNginx(lab.backend, 80, 'home'),
      startNginx(lab.backend2, 8081, 'nas'),
      startUdpEcho(lab.backend, 5300, '::'),
      startUdpEcho(lab.backend, 5301, address.backend),
    ]);
    for (const isV6 of [false, true]) {
      await Promise.all(protocols.map((protocol) => startRawService(lab.backend, protocol, isV6)));
      await startRawService(lab.backend, sctp, isV6, script('services/sctp-answer'));
    }
    await startSshd(lab.relay, lab.client);
    session = await openSession(lab.client, address.relay);
    const [relay, backend] = await Promise.all([snapshot(lab.relay), snapshot(lab.backend)]);
    found = { relay, backend };
    pings = await watchPings(lab.backend);
    const { controller: daemon } = await pairUp(lab, { forwards: [] });
    await pairUp(
      { relay: lab.relay, backend: lab.backend2 },
      { name: 'nas', forwards: ['8081/tcp'], controller: daemon },
    );
  });
  after(() => lab?.close());

  const controller = (...args: string[]) => homeward(lab.relay, 'controller', args);
  const answersOn = async (port: number): Promise<number> =>
    (await tcpGet(lab.client, address.relay, port)).replies.length;

  it('is switched on while the operator’s session goes on', async () => {
    await session.expectUsable();
    expectDone(await controller('forward', 'add', 'home', 'all'));
    await session.expectUsable();
    await expectLogin(lab.client, address.relay);
    expect((await controller('forward', 'list', 'home')).stdout).to.equal('all');
  });

  it('sees its TCP and UDP clients, of both families', async () => {
    await expectTcp(lab, 80, nginx);
    await expectTcpAt(lab, address6.relay, 80, nginx);
    await expectTcpAt(lab, address.relaySecond, 80, nginx);
    await expectUdp(lab, 5300, echo);
    await expectUdpAt(lab, address6.relay, 5300, echo);
    await expectUdp(lab, 5301, boundEcho);
  });

  for (const version of [4, 6] as const) {
    it(`answers pings of IPv${version}, and saw who asked`, async () => {
      await ping(lab.client, relays[version]);
      expect(await pings()).to.include(clients[version]);
    });

    /** As socat writes it. */
    const client = version === 4 ? clients[4] : '2001:0db8:000c:0000:0000:0000:0000:0007';

    it(`answers other protocols of IPv${version}, and sees who asks`, async () => {
      for (const protocol of protocols) {
        expect(await rawWhoami(lab.client, relays[version], protocol), `protocol ${protocol}`).to.equal(client);
      }
    });

    it(`answers SCTP of IPv${version}, and sees who asks`, async () => {
      expect(await sctpWhoami(lab.client, relays[version])).to.equal(client);
    });
  }

  it('is proven, and told as active without the SSH of the backend', async () => {
    const report = await provenInTheEnd(lab.relay, ['home']);
    expect(new Set(report.results.map(({ forward }) => forward))).to.deep.equal(new Set(['all']));
    const { backends } = await controllerStatus(lab.relay);
    expect(backends[0]?.forwards[0]).to.include({ spec: 'all', state: 'active', reason: null });
    const [relay] = (await agentStatus(lab.backend)).relays;
    expect(relay?.forwards).to.deep.equal(['all']);
    expect(relay?.refused.map(({ spec }) => spec)).to.deep.equal(['22/tcp']);
  });

  it('leaves single forwards to another backend', async () => {
    await expectTcp(lab, 8081, other);
  });

  it('is one backend’s: a second one is refused by name', async () => {
    expectRefused(await controller('forward', 'add', 'nas', 'all'), 2, /"home" \(all\)/);
    expectDone(await controller('forward', 'add', 'nas', `${address.relaySecond}:all`));
    expectDone(await controller('forward', 'remove', 'nas', `${address.relaySecond}:all`));
  });

  it('leaves to the relay what is excepted', async () => {
    expectDone(await controller('forward', 'add', 'home', 'all', '--except', '80/tcp'));
    expect((await controller('forward', 'list', 'home')).stdout).to.equal('all-except-80/tcp');
    expect(await answersOn(80)).to.equal(0);
    await expectUdp(lab, 5300, echo);
    expectDone(await controller('forward', 'add', 'home', 'all'));
    await expectTcp(lab, 80, nginx);
  });

  it('is there again after somebody flushed the relay’s ruleset', async () => {
    await lab.relay.must(['nft', 'flush', 'ruleset']);
    await poll('a served client', 10_000, async () => {
      await expectTcp(lab, 80, nginx);
      return true;
    });
    await expectUdp(lab, 5300, echo);
    await session.expectUsable();
  });

  it('is switched off while the operator’s session goes on, and the relay answers for itself', async () => {
    expectDone(await controller('forward', 'remove', 'home', 'all'));
    await session.expectUsable();
    await expectLogin(lab.client, address.relay);
    expect(await answersOn(80)).to.equal(0);
    await expectTcp(lab, 8081, other);
  });

  it('leaves nothing behind', async () => {
    expectDone(await controller('forward', 'add', 'home', 'all'));
    await lab.backend.must(['nft', 'delete', 'table', 'inet', 'pings']);
    expectDone(await homeward(lab.backend, 'agent', ['down']));
    expectDone(await controller('down'));
    await expectUnchanged(lab.relay, found.relay);
    await expectUnchanged(lab.backend, found.backend);
  });
});
