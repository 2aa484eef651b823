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
    const none = { ipv4: null, ipv6: null };
    expect(at('udp', 53)).to.deep.equal([{ transport: 'udp', port: 53, program: 'named', problem: none }]);
    expect(at('tcp', 22)[0]).to.deep.include({ program: 'sshd', problem: none });
  });

  it('says for each family what is wrong with one that cannot', () => {
    const everywhere = (reason: string) => ({ ipv4: reason, ipv6: reason });
    expect(at('tcp', 631)[0]?.problem).to.deep.equal(
      everywhere('cupsd listens on loopback only; let it listen on all addresses'),
    );
    expect(at('tcp', 80)[0]?.problem).to.deep.equal(
      everywhere('java listens on loopback only; let it listen on all addresses'),
    );
    expect(at('udp', 67)[0]?.problem).to.deep.equal({
      ipv4: 'dnsmasq is bound to the link eth1; what comes by the tunnel cannot reach it',
      ipv6: 'dnsmasq listens on IPv4 only; let it listen on IPv6 as well',
    });
    expect(at('udp', 123)[0]).to.deep.include({
      program: 'ntpd',
      problem: { ipv4: null, ipv6: 'ntpd listens on IPv4 only; let it listen on IPv6 as well' },
    });
    expect(at('udp', 443)[0]?.problem).to.deep.equal({
      ipv4: 'caddy listens on IPv6 only; let it listen on IPv4 as well',
      ipv6: null,
    });
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
