/** Services that no client of a family can reach, and what to do about it. */

import { unreachableReason } from '@homeward/agent/desired/unreachable';
import type { Family } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { socketsAt } from './backend-states.js';

const reason = (family: Family, ...locals: readonly string[]) =>
  unreachableReason('tcp', 80, family, socketsAt(locals.map((local) => `tcp ${local}:80`)));
const both = (...locals: readonly string[]) => [reason('ipv4', ...locals), reason('ipv6', ...locals)];

const LOOPBACK = 'service listens on loopback only; let it listen on all addresses';
const IPV4_ONLY = 'service listens on IPv4 only; let it listen on IPv6 as well';
const IPV6_ONLY = 'service listens on IPv6 only; let it listen on IPv4 as well';

describe('desired/unreachable', () => {
  it('are those on loopback alone, for both families', () => {
    expect(both('127.0.0.1', '[::1]')).to.deep.equal([LOOPBACK, LOOPBACK]);
    expect(both('127.0.0.53')).to.deep.equal([LOOPBACK, LOOPBACK]);
    expect(both('127.0.0.1', '[::]')).to.deep.equal([LOOPBACK, null]);
    expect(both('192.168.1.2', '[::1]')).to.deep.equal([null, LOOPBACK]);
  });

  it('are those of one family, for clients of the other', () => {
    expect(both('0.0.0.0')).to.deep.equal([null, IPV4_ONLY]);
    expect(both('[::]')).to.deep.equal([IPV6_ONLY, null]);
    expect(both('192.168.1.2')).to.deep.equal([null, IPV4_ONLY]);
    expect(both('[fd00:1::2]', '[::]')).to.deep.equal([IPV6_ONLY, null]);
    expect(both('[::ffff:192.168.1.2]')).to.deep.equal([null, IPV4_ONLY]);
  });

  it('are those bound to a link, which nothing out of the tunnel reaches', () => {
    const bound = 'service is bound to the link eth1; what comes by the tunnel cannot reach it';
    expect(both('*%eth1')).to.deep.equal([bound, bound]);
    expect(both('0.0.0.0%eth1', '[::]')).to.deep.equal([bound, null]);
  });

  it('are none where one socket can be reached, or nobody listens', () => {
    for (const locals of [
      ['*'],
      ['0.0.0.0', '[::]'],
      ['127.0.0.1', '*'],
      ['*%eth1', '192.168.1.2', '[fd00:1::2]'],
      [],
    ]) {
      expect(both(...locals), locals.join()).to.deep.equal([null, null]);
    }
    expect(reason('ipv4', '0.0.0.0%eth1', '192.168.1.2')).to.equal(null);
  });

  it('are none of another port or transport', () => {
    const sockets = socketsAt(['tcp 127.0.0.1:80']);
    expect(unreachableReason('udp', 80, 'ipv4', sockets)).to.equal(null);
    expect(unreachableReason('tcp', 81, 'ipv4', sockets)).to.equal(null);
  });
});
