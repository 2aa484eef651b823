/** Both sides together: where a client's packet to the relay ends, through the maps of relay and backend. */

import { backendState } from '@homeward/agent/desired/backend-state';
import { relayHostState } from '@homeward/controller/desired/relay-state';
import { checkForward } from '@homeward/controller/forwards/conflicts';
import { withForward } from '@homeward/controller/forwards/forward-list';
import { type Forward, parseForward } from '@homeward/shared/net/forward-spec';
import type { HostState } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { paired, relayState } from '../store/relay-states.js';
import { facts, tunnel } from './backend-states.js';

function value(state: HostState, place: string): string | null | undefined {
  const found = state.get(`element ${place}`);
  return found?.kind === 'nft-element' ? found.value : undefined;
}

/** `address . port` of the service for a packet to the relay's public port; `refused` where nothing leads on. */
function destination(specs: readonly string[], address: string, transport: string, port: number): string {
  const relay = relayHostState(relayState([paired('home', 1, specs)]), { mtu: 1420, guardedLinks: [], sshPorts: [] });
  const backend = backendState([tunnel(1, '10.77.16.2', specs)], facts());
  const arrived =
    value(relay, `homeward_relay exact4 { ${address} . ${transport} . ${port} }`) ??
    value(relay, `homeward_relay any4 { ${transport} . ${port} }`);
  if (typeof arrived !== 'string') return 'refused';
  const [at = '', on = ''] = arrived.split(' . ');
  const key = `hw1 . ${at} . ${transport} . ${on}`;
  if (value(backend, `homeward_backend allowed4 { ${key} }`) === undefined) return 'dropped';
  return value(backend, `homeward_backend redirected4 { ${key} }`) ?? arrived;
}

/** The forwards with one more, where the relay takes it. */
function accepted(specs: readonly string[], forward: Forward): readonly string[] {
  const state = relayState([paired('home', 1, specs)]);
  try {
    checkForward(state, 'home', forward, { listeners: [], controlPort: 7700, tunnelPort: 51_820 }, false);
  } catch {
    return specs;
  }
  return withForward(specs, forward);
}

describe('both sides', () => {
  it('leads to the backend itself', () => {
    expect(destination(['443/tcp'], '198.51.100.1', 'tcp', 443)).to.equal('10.77.16.2 . 443');
    expect(destination(['2222=22/tcp'], '198.51.100.1', 'tcp', 2222)).to.equal('10.77.16.2 . 22');
    expect(destination(['443/tcp'], '198.51.100.1', 'udp', 443)).to.equal('refused');
  });

  it('leads to a host behind the backend', () => {
    const specs = ['80=192.168.1.99:8080/tcp', '5000-5001=192.168.1.98/udp'];
    expect(destination(specs, '198.51.100.1', 'tcp', 80)).to.equal('192.168.1.99 . 8080');
    expect(destination(specs, '198.51.100.1', 'udp', 5001)).to.equal('192.168.1.98 . 5001');
  });

  it('prefers a forward of one address to one of all', () => {
    const specs = ['198.51.100.1:80=8080/tcp', '80=8081/tcp'];
    expect(destination(specs, '198.51.100.1', 'tcp', 80)).to.equal('10.77.16.2 . 8080');
    expect(destination(specs, '198.51.100.2', 'tcp', 80)).to.equal('10.77.16.2 . 8081');
  });

  it('leads every port of every list of forwards that the relay accepts to its own service', () => {
    const few = fc.integer({ min: 1, max: 6 });
    const anySpec = fc
      .record({
        address: fc.constantFrom('', '198.51.100.1:'),
        publicPort: few,
        host: fc.constantFrom('', '192.168.1.9:', '192.168.1.10:'),
        targetPort: few,
        transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
      })
      .map((one) => `${one.address}${one.publicPort}=${one.host}${one.targetPort}/${one.transports}`);
    fc.assert(
      fc.property(fc.array(anySpec, { minLength: 1, maxLength: 8 }), (asked) => {
        const specs = asked.map(parseForward).reduce<readonly string[]>(accepted, []);
        for (const forward of specs.map(parseForward)) {
          for (const transport of forward.transports) {
            const end = destination(specs, forward.address ?? '198.51.100.2', transport, forward.publicPorts.first);
            expect(end).to.equal(`${forward.targetHost ?? '10.77.16.2'} . ${forward.targetPorts.first}`);
          }
        }
      }),
    );
  });
});
