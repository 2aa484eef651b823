/** How a forwarded port reaches its service, by what listens on it. */

import { deliver } from '@homeward/agent/desired/deliveries/deliveries';
import { unreachableReason } from '@homeward/agent/desired/unreachable';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { parseForward, portMappings } from '@homeward/shared/net/forward-spec';
import { parseIpv4 } from '@homeward/shared/net/ipv4';
import { parseLinkName } from '@homeward/shared/net/names';
import { expect } from 'chai';
import { describe, it } from 'mocha';

/** The elements for a forward of one port while sockets are bound to these local addresses. */
function delivered(spec: string, ...locals: readonly string[]): string[] {
  const forward = parseForward(spec);
  const [mapping] = portMappings(forward);
  if (mapping === undefined) throw new Error('no port');
  const { transport, targetPort } = mapping;
  const lines = locals.map((local) => `${transport} X 0 0 ${local}:${targetPort} *:* users:(("service",pid=1,fd=1))`);
  const sockets = parseListeners(lines.join('\n')).filter((socket) => socket.family !== 'ipv6' && socket.link === null);
  const link = parseLinkName('hw1');
  const { elements } = deliver({ forward, mapping, link, tunnelAddress: parseIpv4('10.77.16.2'), sockets });
  return elements.map(({ set, key, value }) => `${set} { ${key}${value === null ? '' : ` : ${value}`} }`);
}

const PINNED = ['pinned4 { hw1 . 10.77.16.2 . 53 }'];

describe('desired/deliveries', () => {
  it('needs nothing for TCP on the wildcard, on the tunnel address, or where nothing listens', () => {
    for (const locals of [['0.0.0.0'], ['*'], ['10.77.16.2'], []]) {
      expect(delivered('443/tcp', ...locals), locals.join()).to.deep.equal([]);
    }
  });

  it('pins UDP on the wildcard, of one family or both, and where nothing listens', () => {
    for (const locals of [['0.0.0.0'], ['*'], ['[::]', '0.0.0.0'], []]) {
      expect(delivered('53/udp', ...locals), locals.join()).to.deep.equal(PINNED);
    }
  });

  it('does not pin UDP on the tunnel address, which would break it', () => {
    expect(delivered('53/udp', '10.77.16.2')).to.deep.equal([]);
    expect(delivered('53/udp', '10.77.16.2', '0.0.0.0')).to.deep.equal([]);
  });

  it('delivers to another local address exactly, TCP and UDP', () => {
    for (const transport of ['tcp', 'udp']) {
      expect(delivered(`53/${transport}`, '127.0.0.1', '192.168.1.2')).to.deep.equal([
        `redirected4 { hw1 . 10.77.16.2 . ${transport} . 53 : 192.168.1.2 . 53 }`,
      ]);
    }
    expect(delivered('80=8080/tcp', '[::ffff:192.168.1.2]')).to.deep.equal([
      'redirected4 { hw1 . 10.77.16.2 . tcp . 8080 : 192.168.1.2 . 8080 }',
    ]);
  });

  it('never delivers to loopback', () => {
    expect(delivered('443/tcp', '127.0.0.1')).to.deep.equal([]);
    expect(delivered('53/udp', '127.0.0.53')).to.deep.equal(PINNED);
  });

  it('prefers the wildcard where a service has both', () => {
    expect(delivered('443/tcp', '192.168.1.2', '0.0.0.0')).to.deep.equal([]);
    expect(delivered('53/udp', '192.168.1.2', '0.0.0.0')).to.deep.equal(PINNED);
  });

  it('delivers to a host behind the backend, whatever listens here', () => {
    for (const locals of [[], ['0.0.0.0'], ['192.168.1.2']]) {
      const [element = ''] = delivered('8080=192.168.1.99:80/tcp', ...locals);
      expect(element).to.match(/^redirected4 \{ hw1 \. 10\.77\.16\.2 \. tcp \. \d+ : 192\.168\.1\.99 \. 80 \}$/);
    }
  });

  it('says why a service can be reached by no delivery', () => {
    const sockets = (...locals: readonly string[]) =>
      parseListeners(locals.map((local) => `tcp X 0 0 ${local}:80 *:* users:(("web",pid=1,fd=1))`).join('\n'));
    expect(unreachableReason('tcp', 80, sockets('127.0.0.1', '[::1]'))).to.match(/^web listens on loopback only/);
    expect(unreachableReason('tcp', 80, sockets('0.0.0.0%eth1'))).to.match(/^web is bound to the link eth1/);
    for (const reachable of [sockets('127.0.0.1', '0.0.0.0'), sockets('0.0.0.0%eth1', '192.168.1.2'), []]) {
      expect(unreachableReason('tcp', 80, reachable)).to.equal(null);
    }
    expect(unreachableReason('udp', 80, sockets('127.0.0.1'))).to.equal(null);
  });
});
