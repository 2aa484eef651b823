/** Both sides together: where a client's packet to the relay ends, through the maps of relay and backend. */

import { backendState } from '@homeward/agent/desired/backend-state';
import { relayHostState } from '@homeward/controller/desired/relay-state';
import type { HostState } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired, relayState } from '../store/relay-states.js';
import { facts, tunnel } from './backend-states.js';

function value(state: HostState, place: string): string | null | undefined {
  const found = state.get(`element ${place}`);
  return found?.kind === 'nft-element' ? found.value : undefined;
}

/** `address . port` of the service for a packet to the relay's public port; `refused` where nothing leads on. */
function destination(specs: readonly string[], address: string, transport: string, port: number): string {
  const relay = relayHostState(relayState([paired('home', 1, specs)]), { mtu: 1420, guardedLinks: [] });
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

  it('leads to two hosts behind the backend that have the same port', () => {
    const specs = ['8001=192.168.1.9:80/tcp', '8002=192.168.1.10:80/tcp'];
    expect(destination(specs, '198.51.100.1', 'tcp', 8001)).to.equal('192.168.1.9 . 80');
    expect(destination(specs, '198.51.100.1', 'tcp', 8002)).to.equal('192.168.1.10 . 80');
  });

  it('leads to the backend and to a host behind it that have the same port', () => {
    const specs = ['80/tcp', '8080=192.168.1.9:80/tcp'];
    expect(destination(specs, '198.51.100.1', 'tcp', 80)).to.equal('10.77.16.2 . 80');
    expect(destination(specs, '198.51.100.1', 'tcp', 8080)).to.equal('192.168.1.9 . 80');
  });

  it("prefers a forward of one address, to another host's same port", () => {
    const specs = ['198.51.100.1:80=192.168.1.9/tcp', '80=192.168.1.10/tcp'];
    expect(destination(specs, '198.51.100.1', 'tcp', 80)).to.equal('192.168.1.9 . 80');
    expect(destination(specs, '198.51.100.2', 'tcp', 80)).to.equal('192.168.1.10 . 80');
  });
});
