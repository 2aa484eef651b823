/** When the way to a relay has become another one, and what begins anew then. */

import { createWaysOut } from '@homeward/agent/daemon/ways-out';
import type { Way } from '@homeward/shared/kernel/route-get';
import { parseIp } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { accepted, backendStateOf, relay } from '../store/backend-states.js';

const way = (link: string, source: string): Way => ({ link, source: parseIp(source), router: null });
const dsl = way('eth0', '192.168.1.10');
const mobile = way('wwan0', '100.64.7.2');

/** A link with addresses, of what a look lists. */
const listed = (name: string, ...addresses: string[]) => ({
  ...{ name, kind: null, up: true, mtu: 1500, master: null },
  addresses: addresses.map((address) => ({ address, length: 24, scope: 'global' })),
});

describe('daemon/ways-out', () => {
  let ways: Map<string, Way>;
  let spokenTo: string | null;
  let begun: string[];
  let questions: number;
  let looks: number;
  let links: ReturnType<typeof listed>[];
  let watch: ReturnType<typeof createWaysOut>;

  beforeEach(() => {
    ways = new Map([['198.51.100.1', dsl]]);
    spokenTo = '198.51.100.1';
    [begun, questions, looks] = [[], 0, 0];
    links = [listed('eth0', '192.168.1.10'), listed('wwan0', '100.64.7.2')];
    watch = createWaysOut({
      store: { state: () => backendStateOf(relay(1, 'R', { accepted: accepted() })) },
      logger: pino({ level: 'silent' }),
      spokenTo: () => spokenTo,
      ask: async (destinations) => {
        questions += 1;
        return new Map(
          destinations.flatMap((destination) => {
            const found = ways.get(destination);
            return found === undefined ? [] : [[destination, found] as const];
          }),
        );
      },
      renewSession: (key) => void begun.push(`session ${key}`),
      beginTunnelAnew: async ({ controllerKey }) => void begun.push(`tunnel ${controllerKey}`),
    });
  });

  /** A look at routes that differ from those of every other look. */
  const look = () => {
    looks += 1;
    const route = { family: 'ipv4', table: 'main', type: 'unicast', destination: 'default', metric: looks };
    return watch.review({ links, routes: [route], rules: [] } as unknown as Parameters<typeof watch.review>[0]);
  };

  it('nothing does the first time, nor as long as the way is the same', async () => {
    await look();
    await look();
    expect(begun).to.deep.equal([]);
  });

  it('session and tunnel do when another link leads there, once', async () => {
    await look();
    ways.set('198.51.100.1', mobile);
    await look();
    await look();
    expect(begun).to.deep.equal(['session R', 'tunnel R']);
  });

  it('they do when the address they were spoken from is gone, and not when another one is preferred', async () => {
    links = [listed('eth0', '192.168.1.10', '192.168.1.77')];
    await look();
    ways.set('198.51.100.1', way('eth0', '192.168.1.77'));
    await look();
    expect(begun).to.deep.equal([]);
    ways.set('198.51.100.1', way('eth0', '192.168.2.10'));
    links = [listed('eth0', '192.168.2.10')];
    await look();
    expect(begun).to.deep.equal(['session R', 'tunnel R']);
  });

  it('nothing does while no way leads there, nor when the former one is back', async () => {
    await look();
    ways.clear();
    await look();
    ways.set('198.51.100.1', dsl);
    await look();
    expect(begun).to.deep.equal([]);
  });

  it('nothing does because the relay is spoken to at another of its addresses', async () => {
    ways.set('198.51.100.9', mobile);
    await look();
    spokenTo = '198.51.100.9';
    await look();
    expect(begun).to.deep.equal([]);
  });

  it('the tunnel’s end is asked for while there is no session', async () => {
    spokenTo = null;
    await look();
    ways.set('198.51.100.1', mobile);
    await look();
    expect(begun).to.deep.equal(['session R', 'tunnel R']);
  });

  it('the kernel is asked only when something changed that a way depends on', async () => {
    const same = { links, routes: [], rules: [] } as unknown as Parameters<typeof watch.review>[0];
    await watch.review(same);
    await watch.review(same);
    expect(questions).to.equal(1);
  });
});
