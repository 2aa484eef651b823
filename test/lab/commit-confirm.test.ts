/**
 * A change of tunnels that is not confirmed goes back by itself, whoever is killed meanwhile; a proven one stays. The
 * tunnel that it goes back to is wireguard-go's, the other one a network of their own that somebody blocks.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { guardsOf, noGuardLeft } from '../support/guards.js';
import { agentStatus, controllerStatus, homeward, startDaemon, stateDirectory } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { type Paired, type Pairing, pairUp, startPair } from '../support/pairing.js';
import { patient } from '../support/patience.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { blockSecondWay, laySecondWay, openSecondWay, secondWay } from '../support/second-way.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone, expectRefused } from '../support/tidy.js';

/**
 * What leads packets at a machine. Without elements, which probes add to for a while, and without the random IPv6 address
 * of a device that was made anew.
 */
const leadingState = async (node: LabNode): Promise<string[]> => {
  const commands = [
    'nft -s -t list ruleset',
    'ip rule',
    'ip -6 rule',
    'ip route show table all',
    'ip -6 route show table all',
  ];
  const texts = await Promise.all(commands.map((command) => node.must(command.split(' '))));
  const links = await node.json<{ ifname: string; mtu: number; flags: string[] }[]>(['ip', '-j', 'link']);
  return [
    ...texts.flatMap((text) => text.split('\n').map((line) => line.trim())).filter((line) => !line.includes('fe80::')),
    ...links.map(({ ifname, mtu, flags }) => `${ifname} ${mtu} ${flags}`),
  ].sort();
};

/** Long enough for a change to be made, short enough to be waited for. */
const soon = `${patient(15)}s`;

const toSecondWay = ['--tunnel', 'external', '--device', secondWay];

describe('a change of tunnels', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let echo: Service;
  let before: { relay: string[]; backend: string[] };

  beforeEach(async () => {
    lab = await createLab();
    await laySecondWay(lab);
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    expectDone(await homeward(lab.backend, 'agent', ['device', secondWay]));
    before = { relay: await leadingState(lab.relay), backend: await leadingState(lab.backend) };
  });
  afterEach(() => lab?.close());

  /** Through the tunnel that was, with the client's own address. */
  const expectServed = async (): Promise<void> => {
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  };

  /** The kernels of both machines, down to each element, and what clients get of them. */
  const expectAsBefore = async (limitMs: number): Promise<void> => {
    for (const [end, side] of [
      ['relay', 'controller'],
      ['backend', 'agent'],
    ] as const) {
      await poll(`${end} as it was before`, limitMs, async () => {
        expect(await leadingState(lab[end])).to.deep.equal(before[end]);
        expect(JSON.parse((await homeward(lab[end], side, ['plan', '--json'])).stdout)).to.deep.equal({ changes: [] });
        return true;
      });
    }
    await expectServed();
  };

  /** Begins a change that cannot prove itself; resolves when both ends have made it. */
  const beginBad = async (confirmTimeout: string): Promise<Pairing> => {
    await blockSecondWay(lab.backend);
    const pairing = startPair(lab.relay, 'home', [], [...toSecondWay, '--confirm-timeout', confirmTimeout]);
    await pairing.event('applied');
    expect([guardsOf(lab, 'controller').length, guardsOf(lab, 'agent').length]).to.deep.equal([1, 1]);
    return pairing;
  };

  const unblock = () => openSecondWay(lab.backend);

  const ending = async ({ process }: Pairing): Promise<string> => {
    const code = await process.ended;
    return `${code}: ${process.stderr()}`;
  };

  const storedState = (side: 'controller' | 'agent'): string => {
    const node = side === 'controller' ? lab.relay : lab.backend;
    return readFileSync(node.file(`${stateDirectory}/${side}/${side}.json`), 'utf8');
  };

  it('that is proven is kept, and nobody guards it any more', async () => {
    const pairing = startPair(lab.relay, 'home', [], [...toSecondWay, '--confirm-timeout', `${patient(60)}s`]);
    expect(await ending(pairing)).to.equal('0: ');
    expect(await pairing.event('kept')).to.include({ from: 'wireguard', to: `external (${secondWay})` });
    await noGuardLeft(lab);
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home).to.deep.include({ unconfirmed: null });
    expect(home?.tunnel?.device).to.equal(secondWay);
    await poll('the backend to hear that it holds', 5_000, async () =>
      expect((await agentStatus(lab.backend)).relays[0]).to.deep.include({ unconfirmed: null }),
    );
    await expectServed();
    // Neither a restart nor the time that is over brings back what was.
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await startDaemon(lab.relay, 'controller');
    await startDaemon(lab.backend, 'agent');
    expect((await agentStatus(lab.backend)).relays[0]?.tunnel?.device).to.equal(secondWay);
    await expectServed();
  });

  it('that does not prove itself is undone, and says so', async () => {
    const pairing = await beginBad('1m');
    const [home] = (await controllerStatus(lab.relay)).backends;
    expect(home).to.deep.include({
      unconfirmed: { from: 'wireguard', to: `external (${secondWay})`, confirmSeconds: 60 },
    });
    expect((await agentStatus(lab.backend)).relays[0]).to.deep.include({
      unconfirmed: { from: 'wireguard', confirmSeconds: 60 },
    });
    expect((await homeward(lab.relay, 'controller', ['status'])).stdout).to.match(
      /change +the external \(lan0\) tunnel waits to be confirmed; if it is not within 60 s, wireguard comes back/,
    );
    const second = await homeward(lab.relay, 'controller', ['pair', 'home', '--forward', '8080/tcp']);
    expect(`${second.exitCode}: ${second.stderr}`).to.match(/^2: .* waits to be confirmed/);
    expect(await ending(pairing)).to.match(/^1: .*did not prove itself; the wireguard tunnel is back as it was/);
    await unblock();
    await expectAsBefore(20_000);
    await noGuardLeft(lab);
  });

  it('is not begun while the backend is away', async () => {
    await paired.agent.kill();
    await poll('the backend offline', 10_000, async () =>
      (await controllerStatus(lab.relay)).backends[0]?.state === 'offline' ? true : undefined,
    );
    const refused = await homeward(lab.relay, 'controller', ['pair', 'home', '--no-wait', ...toSecondWay]);
    expectRefused(refused, 1, /backend "home" is offline: its tunnel stays as it is/);
    expect(guardsOf(lab, 'controller')).to.deep.equal([]);
    await expectServed();
  });

  it('is undone when its time is over, though the backend hangs', async () => {
    // Sooner than the session is known to be dead.
    const pairing = await beginBad('20s');
    process.kill(paired.agent.pid, 'SIGSTOP');
    try {
      expect(await ending(pairing)).to.match(/^1: .*not confirmed within 20 s/s);
    } finally {
      process.kill(paired.agent.pid, 'SIGCONT');
    }
    await unblock();
    await expectAsBefore(45_000);
    await noGuardLeft(lab);
  });

  it("goes back by the relay's guard when its daemon is killed and does not come again", async () => {
    const pairing = await beginBad(soon);
    await paired.controller.kill('SIGKILL');
    expect(await ending(pairing)).to.match(/^3: /);
    await unblock();
    await expectAsBefore(45_000);
    await noGuardLeft(lab);
    expect(paired.agent.alive(), 'the agent, which went back itself').to.equal(true);
    expect(storedState('agent')).to.match(/"fallback": null/);
  });

  it('goes back by both guards when both daemons are killed and nobody starts them', async () => {
    await beginBad(soon);
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    expect([guardsOf(lab, 'controller').length, guardsOf(lab, 'agent').length]).to.deep.equal([1, 1]);
    await unblock();
    await expectAsBefore(45_000);
    await noGuardLeft(lab);
    for (const side of ['controller', 'agent'] as const) {
      expect(storedState(side)).to.match(/"fallback": null/);
      const log = readFileSync(
        (side === 'controller' ? lab.relay : lab.backend).file(`${stateDirectory}/${side}/${side}-guard.log`),
        'utf8',
      );
      expect(log).to.match(/not confirmed in time.*what was before is back/s);
    }
    await startDaemon(lab.relay, 'controller');
    await startDaemon(lab.backend, 'agent');
    await poll('the backend online', 15_000, async () => {
      const [home] = (await controllerStatus(lab.relay)).backends;
      return home?.state === 'online' && home.forwards.every(({ state }) => state === 'active') ? true : undefined;
    });
    await expectAsBefore(20_000);
  });

  it('goes back at once when both daemons are started again in the middle, and leaves no guard', async () => {
    await beginBad('10m');
    await Promise.all([paired.controller.kill('SIGKILL'), paired.agent.kill('SIGKILL')]);
    await startDaemon(lab.relay, 'controller');
    await startDaemon(lab.backend, 'agent');
    await unblock();
    await expectAsBefore(20_000);
    await noGuardLeft(lab);
  });

  it('that went back is not brought back after down', async () => {
    const emptied = async (side: 'controller' | 'agent') => {
      expectDone(await homeward(side === 'controller' ? lab.relay : lab.backend, side, ['down']));
    };
    await beginBad(soon);
    await paired.controller.kill('SIGKILL');
    await emptied('controller');
    await emptied('agent');
    const rulesets = async () => {
      await unblock().catch(() => undefined);
      return Promise.all([lab.relay, lab.backend].map((node) => node.must(['nft', 'list', 'ruleset'])));
    };
    await noGuardLeft(lab, 30_000);
    expect(await rulesets()).to.deep.equal(['', '']);
  });
});
