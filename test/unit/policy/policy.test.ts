/** The backend owner's policy: what a relay may reach, and the line to add where it may not. */

import { writeFile } from 'node:fs/promises';
import { DEFAULT_PORTS, parsePolicy, readPolicy, refusalReason, withoutSsh } from '@homeward/agent/policy';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf, thrownBy } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

const PATH = '/etc/homeward/agent-policy.json';
const ADDRESSES = ['127.0.0.1', '192.168.1.2', '::1', 'fd00:1::2'];
const reason = (content: unknown, spec: string, sshPorts: readonly number[] = [22]) =>
  refusalReason(parsePolicy(PATH, content), parseForward(spec), { sshPorts, addresses: ADDRESSES });

describe('policy', () => {
  it('allows without a file every port of the backend but those of its SSH', () => {
    for (const spec of ['443/tcp', '1-21/tcp', '23-1000/tcp', '1-1000/udp', '22=443/tcp', '22/udp']) {
      expect(reason({}, spec), spec).to.equal(null);
    }
    for (const spec of ['22/tcp', '2200=22/tcp', '1-100/tcp', '22/tcp+udp']) {
      expect(reason({}, spec), spec).to.match(/^port 22 is the backend's SSH; to allow it, add "22\/tcp" to "ports"/);
    }
    expect(reason({}, '2222/tcp', [2222])).to.match(/^port 2222 is the backend's SSH/);
    expect(reason({}, '22/tcp', [2222])).to.equal(null);
  });

  it('allows SSH only where its own port is listed, not by a range around it', () => {
    expect(reason({ ports: ['22/tcp'] }, '2200=22/tcp')).to.equal(null);
    expect(reason({ ports: ['1-1000/tcp', '22/tcp'] }, '22/tcp')).to.equal(null);
    expect(reason({ ports: ['1-1000/tcp'] }, '22/tcp')).to.match(/backend's SSH/);
    expect(reason({ ports: [...DEFAULT_PORTS, '443/tcp'] }, '2222/tcp', [2222])).to.match(/backend's SSH/);
    expect(reason({ ports: ['1-1000/tcp', '22/udp'] }, '22/tcp'), 'listed for UDP').to.match(/backend's SSH/);
  });

  it('allows everything without a file or by the word, without SSH unless that is listed alone', () => {
    for (const content of [{}, { ports: ['all'] }, { ports: ['443/tcp', 'all'] }]) {
      expect(reason(content, 'all')).to.equal(null);
      expect(reason(content, '198.51.100.1:all')).to.equal(null);
    }
    for (const ports of [[], ['443/tcp'], ['1-65535/tcp+udp', '22/tcp']]) {
      expect(reason({ ports }, 'all')).to.equal(`not allowed by ${PATH}; to allow it, add "all" to "ports"`);
    }
    const left = (content: unknown) =>
      withoutSsh(parsePolicy(PATH, content), parseForward('all'), { sshPorts: [22, 2222], addresses: [] });
    expect(left({}).forward.spec).to.equal('all-except-22/tcp,2222/tcp');
    expect(left({}).refused.map(({ spec }) => spec)).to.deep.equal(['22/tcp', '2222/tcp']);
    expect(left({ ports: ['all', '22/tcp'] }).forward.spec).to.equal('all-except-2222/tcp');
  });

  it('allows with a list only what is in it, whole ranges and all transports', () => {
    const ports = ['443/tcp', '5000-5999/udp', '53/tcp+udp'];
    for (const spec of ['443/tcp', '8443=443/tcp', '5000-5999/udp', '5100/udp', '53/tcp', '53/udp', '53/tcp+udp']) {
      expect(reason({ ports }, spec), spec).to.equal(null);
    }
    for (const spec of ['443/udp', '443=444/tcp', '5998-6000/udp', '4999-5000/udp', '443/tcp+udp', '1-1000/tcp']) {
      expect(reason({ ports }, spec), spec).to.not.equal(null);
    }
  });

  it('names the line that allows a port, and allows it with that line', () => {
    for (const spec of ['80/tcp', '8000-8099=9000-9099/tcp+udp']) {
      const said = reason({ ports: ['443/tcp'] }, spec) ?? '';
      expect(said).to.include(`not allowed by ${PATH}; to allow it, add `);
      const line = /add "(.+)" to "ports"$/.exec(said)?.[1];
      expect(reason({ ports: ['443/tcp', line] }, spec)).to.equal(null);
    }
  });

  it('allows nothing with an empty list', () => {
    expect(reason({ ports: [] }, '443/tcp')).to.not.equal(null);
  });

  it('allows hosts behind the backend only by prefix, whatever is said of ports', () => {
    const spec = '80=192.168.1.99:8080/tcp';
    expect(reason({}, spec)).to.equal(
      `192.168.1.99 is not allowed by ${PATH}; to allow it, add "192.168.1.99/32" to "lan"`,
    );
    expect(reason({ ports: ['1-65535/tcp+udp'] }, spec)).to.not.equal(null);
    expect(reason({ lan: ['192.168.1.0/24'] }, spec)).to.equal(null);
    expect(reason({ lan: ['192.168.1.99/32'] }, spec)).to.equal(null);
    expect(reason({ lan: ['192.168.2.0/24', '10.0.0.0/8'] }, spec)).to.not.equal(null);
    expect(reason({ lan: ['192.168.1.0/24'], ports: [] }, '22=192.168.1.9/tcp')).to.equal(null);
  });

  it('never allows loopback, link-local, metadata, multicast or broadcast targets', () => {
    const lan = ['0.0.0.0/0'];
    for (const host of ['127.0.0.1', '127.9.9.9', '169.254.169.254', '0.0.0.0', '224.0.0.1', '255.255.255.255']) {
      expect(reason({ lan }, `80=${host}/tcp`), host).to.match(/never a target$/);
    }
    expect(reason({ lan }, '80=192.168.1.1/tcp')).to.equal(null);
  });

  it('allows IPv6 hosts behind the backend by prefix, and no host by a prefix of the other family', () => {
    const spec = '80=[fd00:1::99]:8080/tcp';
    expect(reason({}, spec)).to.equal(
      `fd00:1::99 is not allowed by ${PATH}; to allow it, add "fd00:1::99/128" to "lan"`,
    );
    expect(reason({ lan: ['fd00:1::99/128'] }, spec)).to.equal(null);
    expect(reason({ lan: ['FD00:1:0::/64'] }, spec)).to.equal(null);
    expect(reason({ lan: ['2001:db8::/32'] }, '80=[2001:db8:5::1]/tcp')).to.equal(null);
    expect(reason({ lan: ['fd00:2::/64', '0.0.0.0/0'] }, spec)).to.not.equal(null);
    expect(reason({ lan: ['::/0'] }, '80=192.168.1.99/tcp')).to.not.equal(null);
  });

  it('never allows loopback, link-local, metadata, mapped or multicast IPv6 targets, however they are written', () => {
    const lan = ['::/0', '0.0.0.0/0'];
    const never = [
      ...['::', '::1', '0:0:0:0:0:0:0:1', '::0.0.0.1', 'fe80::1', 'FE80::9', 'febf:ffff::1', 'ff02::1', 'ff05::2'],
      ...['fd00:ec2::254', 'FD00:0EC2:0:0:0:0:0:254', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254'],
      ...['::ffff:10.0.0.1', '0:0:0:0:0:FFFF:192.168.1.1'],
    ];
    for (const host of never) expect(reason({ lan }, `80=[${host}]/tcp`), host).to.match(/never a target$/);
    for (const host of ['fd00:ec3::254', 'fd00:1::9', '2001:db8::1', 'fec0::1']) {
      expect(reason({ lan }, `80=[${host}]/tcp`), host).to.equal(null);
    }
  });

  it('has no way to the backend itself by an address of its own', () => {
    const lan = ['::/0', '0.0.0.0/0'];
    expect(reason({ lan }, '80=192.168.1.2/tcp')).to.equal(
      '192.168.1.2 is this backend itself; forward to the port without an address',
    );
    expect(reason({ lan }, '80=[FD00:1::2]/tcp')).to.equal(
      'fd00:1::2 is this backend itself; forward to the port without an address',
    );
  });

  it('writes the default out so that it allows what no file allows', () => {
    for (const spec of ['22/tcp', '1-100/tcp']) expect(reason({ ports: DEFAULT_PORTS }, spec)).to.not.equal(null);
    for (const spec of ['443/tcp', '22/udp', '1-1000/udp'])
      expect(reason({ ports: DEFAULT_PORTS }, spec)).to.equal(null);
  });

  const BAD: Readonly<Record<string, unknown>> = {
    'a word for a list': { ports: '443/tcp' },
    'a port without protocol': { ports: ['443'] },
    'a forward for a port': { ports: ['80=8080/tcp'] },
    'an address for a port': { ports: ['198.51.100.1:80/tcp'] },
    'a host name for a prefix': { lan: ['nas'] },
    'an IPv6 prefix that is too long': { lan: ['fd00::/129'] },
    'an IPv6 prefix with a zone': { lan: ['fe80::1%eth0/64'] },
    'an IPv6 address for a port': { ports: ['[2001:db8::1]:80/tcp'] },
    'an unknown tunnel': { tunnels: ['openvpn'] },
    'a misspelt field': { port: ['443/tcp'] },
    'a list': [],
    null: null,
  };
  for (const [what, content] of Object.entries(BAD)) {
    it(`refuses ${what} instead of allowing the default`, () => {
      expect(thrownBy(() => parsePolicy(PATH, content)).code).to.equal('bad-input');
    });
  }

  it('says in which file the mistake is', () => {
    for (const content of [{ ports: '443/tcp' }, { ports: ['443'] }, { lan: ['nas'] }, { lan: ['fd00::/129'] }]) {
      expect(thrownBy(() => parsePolicy(PATH, content)).message, JSON.stringify(content)).to.include(PATH);
    }
  });

  describe('as a file', () => {
    const path = temporaryDirectory();

    it('is the default where there is none', async () => {
      expect(await readPolicy(path('policy.json'))).to.deep.include({ ports: null, lan: [], tunnels: null });
    });

    it('is refused when it is not JSON or not a file', async () => {
      await writeFile(path('policy.json'), '{"ports": ');
      expect((await rejectionOf(readPolicy(path('policy.json')))).message).to.include('is not JSON');
      expect((await rejectionOf(readPolicy(path()))).code).to.equal('permission');
    });
  });
});
