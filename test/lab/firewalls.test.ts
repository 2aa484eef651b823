/** Firewalls that drop: a plain ruleset is left alone, and the proof names which rule of which table it was, on either machine. */
import { expect } from 'chai';
import { addDropping } from '../support/firewalls/plain.js';
import type { Undo } from '../support/foreign.js';
import { type ProbeReport, probe } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

describe('a firewall that drops', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let undo: Undo | undefined;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
  });
  afterEach(async () => {
    await undo?.();
    undo = undefined;
  });
  after(() => lab?.close());

  /** What each red probe was dropped by. */
  const red = async (): Promise<string[]> => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report)).to.equal(1);
    return sites(report);
  };

  const sites = ({ results }: ProbeReport): string[] => [
    ...new Set(
      results
        .filter(({ ok }) => !ok)
        .map(({ forward, family, cause, droppedBy }) => {
          const { at, direction, table, chain, rule } = droppedBy ?? {};
          return `${forward} ${family} ${cause}: ${at} ${direction}, ${table} ${chain} ${rule}`;
        }),
    ),
  ];

  it('at the relay, by a policy of iptables', async () => {
    await lab.relay.must(['iptables', '-P', 'FORWARD', 'DROP']);
    undo = async () => {
      await lab.relay.must(['iptables', '-P', 'FORWARD', 'ACCEPT']);
    };
    expect(await red()).to.include.members([
      '80/tcp ipv4 dropped: relay request, ip filter FORWARD null',
      '5300/udp ipv4 dropped: relay request, ip filter FORWARD null',
    ]);
  });

  it('at the relay, what comes back, in a table of nft', async () => {
    undo = await addDropping(lab.relay, 'forward', 'udp sport 5300');
    // The service speaks IPv4 only: its kernel's refusal towards IPv6 clients has no port of its own.
    expect(await red()).to.deep.equal([
      '5300/udp ipv4 dropped: relay reply, inet dropping forward udp sport 5300 drop comment "by the administrator"',
    ]);
  });

  it('at the backend, before the service, and says so to people', async () => {
    undo = await addDropping(lab.backend, 'input', 'tcp dport 80');
    const { report } = await probe(lab.relay);
    expect(sites(report)).to.deep.equal([
      '80/tcp ipv4 dropped: backend request, inet dropping input tcp dport 80 drop comment "by the administrator"',
      '80/tcp ipv6 dropped: backend request, inet dropping input tcp dport 80 drop comment "by the administrator"',
    ]);
    expect(report.results.find(({ ok }) => !ok)?.hint).to.equal(
      'the backend drops the connection: table inet dropping, chain input, the rule "tcp dport 80 drop comment "by the administrator""; let it pass there, homeward leaves that rule alone',
    );
  });

  it('at the backend, the reply', async () => {
    undo = await addDropping(lab.backend, 'output', 'tcp sport 80');
    expect(await red()).to.deep.equal([
      '80/tcp ipv4 dropped: backend reply, inet dropping output tcp sport 80 drop comment "by the administrator"',
      '80/tcp ipv6 dropped: backend reply, inet dropping output tcp sport 80 drop comment "by the administrator"',
    ]);
  });

  it('is gone, and everything is proven again', async () => {
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
    const { report } = await probe(lab.relay);
    expect(report.ok, JSON.stringify(report)).to.equal(true);
  });
});
