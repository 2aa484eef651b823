/** Both sides together: where a client's packet to the relay ends, through the maps of relay and backend. */

import { SETS as BACKEND_SETS } from '@homeward/agent/desired/backend-sets';
import { backendState } from '@homeward/agent/desired/backend-state';
import { SETS as RELAY_SETS } from '@homeward/controller/desired/relay-sets';
import { relayHostState } from '@homeward/controller/desired/relay-state';
import { createForwardCheck } from '@homeward/controller/forwards/conflicts';
import { withForwardsAdded } from '@homeward/controller/forwards/forward-list';
import type { Family } from '@homeward/shared/net/address';
import { type Forward, familiesOf, parseForward } from '@homeward/shared/net/forward-spec';
import { parsePortRange, portsOf, rangeContains } from '@homeward/shared/net/port';
import { elementsKey } from '@homeward/shared/state/describe';
import type { HostState } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { paired, relayState } from '../store/relay-states.js';
import { facts, tunnel, tunnelAddresses } from './backend-states.js';
import { relayFacts } from './relay-facts.js';

/** Looks up `place . port` as nft does, in a set of single ports or of ranges; a set's elements have the value ''. */
function lookup(state: HostState, table: string, set: string, place: string, port: number): string | undefined {
  const found = state.get(elementsKey(table, set));
  if (found?.kind !== 'nft-elements') return undefined;
  const hit = [...found.elements].find(([key]) => {
    const words = key.split(' . ');
    const ports = words.pop() ?? '';
    return words.join(' . ') === place && rangeContains(parsePortRange(ports), port);
  });
  return hit === undefined ? undefined : (hit[1] ?? '');
}

/** Where a map leads: its value, with the packet's own port where it names none. */
const led = (value: string | undefined, port: number) =>
  value === undefined || value.includes(' . ') ? value : `${value} . ${port}`;

interface Sides {
  readonly relay: HostState;
  readonly backend: HostState;
}

function sidesOf(specs: readonly string[]): Sides {
  return {
    relay: relayHostState(relayState([paired('home', 1, specs)]), relayFacts()),
    backend: backendState([tunnel(1, specs)], facts()),
  };
}

/** `address . port` of the service for a packet to the relay's public port; `refused` where nothing leads on. */
function destination({ relay, backend }: Sides, address: string, transport: string, port: number): string {
  const family: Family = address.includes(':') ? 'ipv6' : 'ipv4';
  const { exact, range, any, anyRange } = RELAY_SETS[family];
  const at = (set: string, place: string) => led(lookup(relay, 'homeward_relay', set, place, port), port);
  const arrived =
    at(exact, `${address} . ${transport}`) ??
    at(range, `${address} . ${transport}`) ??
    at(any, transport) ??
    at(anyRange, transport);
  if (arrived === undefined) return 'refused';
  const [host = '', on = ''] = arrived.split(' . ');
  const { allowed, redirected } = BACKEND_SETS[family];
  const there = (set: string) => lookup(backend, 'homeward_backend', set, `${host} . ${transport}`, Number(on));
  if (there(allowed.single) === undefined && there(allowed.range) === undefined) return 'dropped';
  return led(there(redirected.single) ?? there(redirected.range), Number(on)) ?? arrived;
}

const end = (specs: readonly string[], address: string, transport: string, port: number) =>
  destination(sidesOf(specs), address, transport, port);

/** The forwards with one more, where the relay takes it. */
function accepted(specs: readonly string[], forward: Forward): readonly string[] {
  const state = relayState([paired('home', 1, specs)]);
  const check = createForwardCheck(state, { listeners: [], controlPort: 7700, tunnelPorts: [51_820] });
  try {
    check.admit('home', forward, false);
  } catch {
    return specs;
  }
  return withForwardsAdded(specs.map(parseForward), [forward]).map(({ spec }) => spec);
}

/** An address of the relay for clients of a forward without one. */
const ENTRANCE = { ipv4: '198.51.100.2', ipv6: '2001:db8::2' } as const;

describe('both sides', () => {
  it('leads to the backend itself, in both families', () => {
    expect(end(['443/tcp'], '198.51.100.1', 'tcp', 443)).to.equal('10.77.16.2 . 443');
    expect(end(['443/tcp'], '2001:db8::1', 'tcp', 443)).to.equal('fd77:16::2 . 443');
    expect(end(['2222=22/tcp'], '198.51.100.1', 'tcp', 2222)).to.equal('10.77.16.2 . 22');
    expect(end(['443/tcp'], '198.51.100.1', 'udp', 443)).to.equal('refused');
  });

  it('leads to a host behind the backend, for clients of its family', () => {
    const specs = ['80=192.168.1.99:8080/tcp', '5000-5001=192.168.1.98/udp', '81=[fd00:1::99]:8080/tcp'];
    expect(end(specs, '198.51.100.1', 'tcp', 80)).to.equal('192.168.1.99 . 8080');
    expect(end(specs, '198.51.100.1', 'udp', 5001)).to.equal('192.168.1.98 . 5001');
    expect(end(specs, '2001:db8::1', 'tcp', 81)).to.equal('fd00:1::99 . 8080');
    expect(end(specs, '2001:db8::1', 'tcp', 80)).to.equal('refused');
    expect(end(specs, '198.51.100.1', 'tcp', 81)).to.equal('refused');
  });

  it('prefers a forward of one address to one of all, ranges included', () => {
    const specs = ['198.51.100.1:80=8080/tcp', '80=8081/tcp'];
    expect(end(specs, '198.51.100.1', 'tcp', 80)).to.equal('10.77.16.2 . 8080');
    expect(end(specs, '198.51.100.2', 'tcp', 80)).to.equal('10.77.16.2 . 8081');
    const ranges = ['198.51.100.1:5000-5999/udp', '5000-5999=7000-7999/udp'];
    expect(end(ranges, '198.51.100.1', 'udp', 5500)).to.equal('10.77.16.2 . 5500');
    expect(end(ranges, '198.51.100.2', 'udp', 5500)).to.equal('10.77.16.2 . 7500');
  });

  it('leads both ends and the middle of the widest range', () => {
    const sides = sidesOf(['1024-65535/udp']);
    for (const port of [1024, 30_000, 65_535]) {
      expect(destination(sides, '198.51.100.1', 'udp', port)).to.equal(`10.77.16.2 . ${port}`);
      expect(destination(sides, '2001:db8::1', 'udp', port)).to.equal(`fd77:16::2 . ${port}`);
    }
    expect(destination(sides, '198.51.100.1', 'udp', 1023)).to.equal('refused');
  });

  it('leads every port of every list of forwards that the relay accepts to its own service', () => {
    const few = fc.integer({ min: 1, max: 6 });
    const anySpec = fc
      .record({
        address: fc.constantFrom('', '198.51.100.1:', '[2001:db8::1]:'),
        publicPort: few,
        host: fc.constantFrom('', '192.168.1.9:', '192.168.1.10:', '[fd00:1::9]:'),
        targetPort: few,
        length: fc.integer({ min: 0, max: 3 }),
        transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
      })
      .filter(({ address, host }) => address === '' || host === '' || address.includes('[') === host.includes('['))
      .map(({ address, publicPort, host, targetPort, length, transports }) => {
        const range = (first: number) => `${first}-${first + length}`;
        return `${address}${range(publicPort)}=${host}${range(targetPort)}/${transports}`;
      });
    fc.assert(
      fc.property(fc.array(anySpec, { minLength: 1, maxLength: 8 }), (asked) => {
        const specs = asked.map(parseForward).reduce<readonly string[]>(accepted, []);
        const sides = sidesOf(specs);
        for (const forward of specs.map(parseForward)) {
          for (const family of familiesOf(forward)) {
            for (const transport of forward.transports) {
              portsOf(forward.publicPorts).forEach((port, offset) => {
                const found = destination(sides, forward.address ?? ENTRANCE[family], transport, port);
                const host = forward.targetHost ?? tunnelAddresses(1)[family];
                expect(found).to.equal(`${host} . ${forward.targetPorts.first + offset}`);
              });
            }
          }
        }
      }),
    );
  });
});
