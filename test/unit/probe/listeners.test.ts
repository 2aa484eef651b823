/** Who listens on probed ports at the backend, and why a client could not reach it. */

import { listenersOf } from '@homeward/agent/probe/listeners';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from '../kernel/recorded.js';

const listeners = parseListeners(recorded('sockets.txt'));
const at = (transport: 'tcp' | 'udp', port: number) => listenersOf([{ transport, port }], listeners);

describe('probe/listeners', () => {
  it('names a program that can be reached, without a problem', () => {
    expect(at('udp', 53)).to.deep.equal([{ transport: 'udp', port: 53, program: 'named', problem: null }]);
    expect(at('tcp', 22)[0]).to.include({ program: 'sshd', problem: null });
    expect(at('udp', 123)[0]).to.include({ program: 'ntpd', problem: null });
  });

  it('says what is wrong with one that cannot', () => {
    expect(at('tcp', 631)[0]?.problem).to.equal('cupsd listens on loopback only; let it listen on all addresses');
    expect(at('tcp', 80)[0]?.problem).to.equal('java listens on loopback only; let it listen on all addresses');
    expect(at('udp', 67)[0]?.problem).to.equal(
      'dnsmasq is bound to the link eth1; what comes by the tunnel cannot reach it',
    );
  });

  it('is silent about ports where nothing listens, and about the other transport', () => {
    expect(at('tcp', 9999)).to.deep.equal([]);
    expect(at('udp', 22)).to.deep.equal([]);
  });

  it('cuts a name that is too long for the wire', () => {
    const long = parseListeners(`tcp LISTEN 0 1 *:80 *:* users:(("${'x'.repeat(600)}",pid=1,fd=1))`);
    expect(listenersOf([{ transport: 'tcp', port: 80 }], long)[0]?.program.length).to.be.at.most(512);
  });
});
