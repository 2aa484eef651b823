/** How a forwarded port reaches its service, by what listens on it. */

import { rangeElements, singleElements } from '@homeward/agent/desired/backend-sets';
import { deliver } from '@homeward/agent/desired/deliveries/deliveries';
import type { Family } from '@homeward/shared/net/address';
import { arrivalPorts, parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { elementLine } from '../kernel/element-lines.js';
import { socketsAt, tunnelAddresses } from './backend-states.js';

/** What delivers a forward's first transport while sockets are bound to these local addresses. */
function delivered(family: Family, spec: string, locals: readonly string[]) {
  const forward = parseForward(spec);
  const [transport = 'tcp'] = forward.transports;
  const ports = arrivalPorts(forward);
  const sockets = socketsAt(locals.map((local) => `${transport} ${local}:${ports.first}`)).filter(
    (socket) => socket.family === 'both' || socket.family === family,
  );
  const tunnelAddress = tunnelAddresses(1)[family];
  const { delivery, entries } = deliver({ forward, family, transport, ports, tunnelAddress, sockets });
  return { delivery, elements: [...singleElements(entries), ...rangeElements(entries)].map(elementLine) };
}

const four = (spec: string, ...locals: readonly string[]) => delivered('ipv4', spec, locals).elements;
const six = (spec: string, ...locals: readonly string[]) => delivered('ipv6', spec, locals).elements;

const PINNED = ['pinned4 { 10.77.16.2 . 53 }'];
const PINNED6 = ['pinned6 { fd77:16::2 . 53 }'];

describe('desired/deliveries', () => {
  it('needs nothing for TCP on the wildcard, on the tunnel address, or where nothing listens', () => {
    for (const locals of [['0.0.0.0'], ['*'], ['10.77.16.2'], []]) {
      expect(four('443/tcp', ...locals), locals.join()).to.deep.equal([]);
    }
    for (const locals of [['[::]'], ['*'], ['[fd77:16::2]'], []]) {
      expect(six('443/tcp', ...locals), locals.join()).to.deep.equal([]);
    }
  });

  it('pins UDP on the wildcard, of one family or both, and where nothing listens', () => {
    for (const locals of [['0.0.0.0'], ['*'], ['[::]', '0.0.0.0'], []]) {
      expect(four('53/udp', ...locals), locals.join()).to.deep.equal(PINNED);
    }
    for (const locals of [['[::]'], ['*'], ['[::]', '0.0.0.0'], []]) {
      expect(six('53/udp', ...locals), locals.join()).to.deep.equal(PINNED6);
    }
  });

  it('does not pin UDP on the tunnel address, which would break it', () => {
    expect(four('53/udp', '10.77.16.2')).to.deep.equal([]);
    expect(four('53/udp', '10.77.16.2', '0.0.0.0')).to.deep.equal([]);
    expect(six('53/udp', '[fd77:16::2]', '[::]')).to.deep.equal([]);
  });

  it('delivers to another local address exactly, TCP and UDP', () => {
    for (const transport of ['tcp', 'udp']) {
      expect(four(`53/${transport}`, '127.0.0.1', '192.168.1.2')).to.deep.equal([
        `redirected4 { 10.77.16.2 . ${transport} . 53 : 192.168.1.2 . 53 }`,
      ]);
      expect(six(`53/${transport}`, '[::1]', '[fd00:1::2]')).to.deep.equal([
        `redirected6 { fd77:16::2 . ${transport} . 53 : fd00:1::2 . 53 }`,
      ]);
    }
    expect(four('80=8080/tcp', '[::ffff:192.168.1.2]')).to.deep.equal([
      'redirected4 { 10.77.16.2 . tcp . 8080 : 192.168.1.2 . 8080 }',
    ]);
  });

  it('never delivers to loopback', () => {
    expect(four('443/tcp', '127.0.0.1')).to.deep.equal([]);
    expect(four('53/udp', '127.0.0.53')).to.deep.equal(PINNED);
    expect(six('443/tcp', '[::1]')).to.deep.equal([]);
  });

  it('prefers the wildcard where a service has both', () => {
    expect(four('443/tcp', '192.168.1.2', '0.0.0.0')).to.deep.equal([]);
    expect(four('53/udp', '192.168.1.2', '0.0.0.0')).to.deep.equal(PINNED);
    expect(six('53/udp', '[fd00:1::2]', '*')).to.deep.equal(PINNED6);
  });

  it('delivers to a host behind the backend by the public port, whatever listens here', () => {
    for (const locals of [[], ['0.0.0.0'], ['192.168.1.2']]) {
      expect(four('8080=192.168.1.99:80/tcp', ...locals)).to.deep.equal([
        'redirected4 { 10.77.16.2 . tcp . 8080 : 192.168.1.99 . 80 }',
      ]);
      expect(six('8080=[fd00:1::99]:80/udp', ...locals)).to.deep.equal([
        'redirected6 { fd77:16::2 . udp . 8080 : fd00:1::99 . 80 }',
      ]);
    }
  });

  it('delivers a range of a host as one element, unless its ports are shifted', () => {
    expect(four('5000-5999=192.168.1.99/udp')).to.deep.equal([
      'redirected-ranges4 { 10.77.16.2 . udp . 5000-5999 : 192.168.1.99 }',
    ]);
    expect(four('5000-5002=192.168.1.99:6000-6002/udp')).to.deep.equal([
      'redirected4 { 10.77.16.2 . udp . 5000 : 192.168.1.99 . 6000 }',
      'redirected4 { 10.77.16.2 . udp . 5001 : 192.168.1.99 . 6001 }',
      'redirected4 { 10.77.16.2 . udp . 5002 : 192.168.1.99 . 6002 }',
    ]);
    expect(six('5000-5999=[fd00:1::99]/tcp')).to.deep.equal([
      'redirected-ranges6 { fd77:16::2 . tcp . 5000-5999 : fd00:1::99 }',
    ]);
  });

  it('forwards packets for a host behind the backend only, and minds the answers of wildcard services only', () => {
    const kind = (spec: string, ...locals: string[]) => {
      const { needsForwarding, answersFromChosenAddress } = delivered('ipv4', spec, locals).delivery;
      return [needsForwarding, answersFromChosenAddress];
    };
    expect(kind('80=192.168.1.99/tcp')).to.deep.equal([true, false]);
    expect(kind('53/udp', '0.0.0.0')).to.deep.equal([false, true]);
    expect(kind('53/udp', '192.168.1.2')).to.deep.equal([false, false]);
    expect(kind('443/tcp', '0.0.0.0')).to.deep.equal([false, false]);
  });
});
