/** The way between the two daemons breaks without a word, and the backend moves to another address: seen in time, and mended by itself. */
import { expect } from 'chai';
import { ask, expectHealed, statusNow } from '../support/direct.js';
import type { AgentStatus } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

/** Seconds after the last sign of life in which both sides must show it. */
const silenceSeconds = 40;
/** A lost session is noticed, dialled anew, and the tunnel follows. */
const backAgainMs = 60_000;

/** Drops the control connection in both directions, so that neither end hears of it. */
const silence = `table inet silence {
  chain forward {
    type filter hook forward priority filter; policy accept;
    tcp dport 7700 drop
    tcp sport 7700 drop
  }
}
`;

describe('a broken way', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
  });
  after(() => lab?.close());

  const atRelay = async (): Promise<string | undefined> => (await statusNow(lab.relay)).backends[0]?.state;
  const atBackend = async (): Promise<string | undefined> =>
    ((await ask(lab.backend, 'agent', 'status', {})) as AgentStatus).relays[0]?.state;
  const bothSay = (state: 'online' | 'offline', limitMs: number): Promise<unknown> =>
    poll(`${state} at both ends`, limitMs, async () => {
      const said = await Promise.all([atRelay(), atBackend()]);
      if (said.some((one) => one !== state)) throw new Error(`they say ${said.join(' and ')}`);
      return true;
    });
  /** Seconds from now until a side says that the other is away. */
  const secondsUntilOffline = async (side: () => Promise<string | undefined>): Promise<number> => {
    const begin = performance.now();
    await poll('the other side to be shown offline', 2 * silenceSeconds * 1000, async () =>
      (await side()) === 'offline' ? true : undefined,
    );
    return (performance.now() - begin) / 1000;
  };

  it('is shown on both sides within 40 s, costs no traffic, and is no more once it is mended', async () => {
    await bothSay('online', 10_000);
    // The last sign of life was before this.
    await lab.home.must(['nft', '-f', '-'], { input: silence });
    const [relay, backend] = await Promise.all([secondsUntilOffline(atRelay), secondsUntilOffline(atBackend)]);
    expect(relay, 'seconds at the relay').to.be.at.most(silenceSeconds);
    expect(backend, 'seconds at the backend').to.be.at.most(silenceSeconds);
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
    await lab.home.must(['nft', 'delete', 'table', 'inet', 'silence']);
    await bothSay('online', backAgainMs);
    await expectHealed(lab.relay);
  });

  it('is found anew from another public address of the backend’s home, without a command', async () => {
    await lab.home.must(['ip', '-batch', '-'], {
      input: [
        `address delete ${address.home}/24 dev wan`,
        'address add 192.88.99.77/24 dev wan',
        'route add default via 192.88.99.1',
        '',
      ].join('\n'),
    });
    // The NAT's own memory of the old address is what the flows would still be translated by.
    await lab.home.must(['conntrack', '--flush']);
    await poll('a real client to be served again', backAgainMs, async () => {
      await expectUdp(lab, 5300, echo, 1);
      return true;
    });
    await expectTcp(lab, 80, nginx);
    await poll('the relay to see the backend at its new address', backAgainMs, async () => {
      const peers = await lab.relay.must(['wg', 'show', 'hw0', 'endpoints']);
      return peers.includes('192.88.99.77:') ? true : undefined;
    });
    await bothSay('online', backAgainMs);
    // Both ends call a session online that is dead, until its silence was long enough.
    await expectHealed(lab.relay, backAgainMs);
  });
});
