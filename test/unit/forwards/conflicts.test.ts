/** Which forwards the relay refuses, and what it names as the reason. */

import { checkForward } from '@homeward/controller/forwards/conflicts';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { paired, relayState } from '../store/relay-states.js';

const SOCKETS = `
tcp LISTEN 0 128        0.0.0.0:22         0.0.0.0:* users:(("sshd",pid=1,fd=3))
tcp LISTEN 0 128           [::]:22            [::]:* users:(("sshd",pid=1,fd=4))
tcp LISTEN 0 511              *:80               *:* users:(("nginx",pid=2,fd=3))
udp UNCONN 0 0        0.0.0.0:123        0.0.0.0:* users:(("ntpd",pid=3,fd=3))
tcp LISTEN 0 128   198.51.100.1:25         0.0.0.0:* users:(("master",pid=4,fd=3))
tcp LISTEN 0 128      127.0.0.1:631        0.0.0.0:* users:(("cupsd",pid=5,fd=3))
udp UNCONN 0 0   127.0.0.53%lo:53         0.0.0.0:* users:(("systemd-resolve",pid=6,fd=3))
tcp LISTEN 0 128           [::]:8006          [::]:* users:(("pveproxy",pid=7,fd=3))
tcp LISTEN 0 128        0.0.0.0:2222       0.0.0.0:* users:(("sshd",pid=8,fd=3))`;
const ports = { listeners: parseListeners(SOCKETS), controlPort: 7700, tunnelPort: 51_820 };
const state = relayState([paired('home', 1, ['443/tcp', '5000-5099/udp']), paired('nas', 2, ['8080/tcp'])]);

const check = (spec: string, takeOver = false) => checkForward(state, 'home', parseForward(spec), ports, takeOver);
const refusal = (spec: string, takeOver = false) => thrownBy(() => check(spec, takeOver));

describe('forwards/conflicts', () => {
  const DOORS: readonly (readonly [string, string])[] = [
    ['22/tcp', "forward 22/tcp would take port 22/tcp, the relay's SSH"],
    ['1-1000/tcp', "forward 1-1000/tcp would take port 22/tcp, the relay's SSH"],
    ['2222=22/tcp', "forward 2222=22/tcp would take port 2222/tcp, the relay's SSH"],
    ['198.51.100.1:22/tcp', "forward 198.51.100.1:22/tcp would take port 22/tcp, the relay's SSH"],
    ['7700/tcp', "forward 7700/tcp would take port 7700/tcp, homeward's control port"],
    ['7000-7900/tcp+udp', "forward 7000-7900/tcp+udp would take port 7700/tcp, homeward's control port"],
    ['51820/udp', "forward 51820/udp would take port 51820/udp, homeward's tunnel port"],
  ];
  for (const [spec, message] of DOORS) {
    it(`keeps the operator's doors from ${spec}, taking over or not`, () => {
      for (const takeOver of [false, true]) expect(refusal(spec, takeOver)).to.include({ code: 'conflict', message });
    });
  }

  it('allows the same ports of the other transport', () => {
    for (const spec of ['22/udp', '7700/udp', '51820/tcp']) check(spec);
  });

  it('names the backend that has the port, and how to free it', () => {
    expect(refusal('8080/tcp')).to.include({
      code: 'conflict',
      message: 'forward 8080/tcp: the port already goes to backend "nas" (8080/tcp)',
      hint: 'free it: controller forward remove nas 8080/tcp',
    });
    expect(refusal('8000-8100/tcp+udp').message).to.include('backend "nas" (8080/tcp)');
    expect(refusal('5050/udp').message).to.include('backend "home" (5000-5099/udp)');
    expect(refusal('443=8443/tcp').message).to.include('backend "home" (443/tcp)');
    expect(refusal('8080=192.168.1.9/tcp', true).message).to.include('backend "nas"');
  });

  it('refuses a target port that another host behind the same backend has, with which it would be mixed up', () => {
    const taken = relayState([paired('home', 1, ['8001=192.168.1.9:80/tcp', '8443=443/tcp']), paired('nas', 2, [])]);
    const set = (backend: string, spec: string) => () => checkForward(taken, backend, parseForward(spec), ports, false);
    for (const spec of [
      '8002=192.168.1.10:80/tcp',
      '8002=80/tcp',
      '9443=192.168.1.9:443/tcp',
      '8100-8199=50-149/tcp',
    ]) {
      expect(thrownBy(set('home', spec)).message, spec).to.include('has the same target port at another host');
    }
    set('home', '8002=192.168.1.9:80/tcp')();
    set('home', '8002=192.168.1.10:80/udp')();
    set('nas', '8002=192.168.1.10:80/tcp')();
  });

  it('takes a forward that is there already, and its other transport', () => {
    for (const spec of ['443/tcp', '443/udp', '443/tcp+udp', '8080/udp', '5050/tcp']) check(spec);
  });

  it('lets a forward of one address stand beside one of all', () => {
    check('198.51.100.2:8080/tcp');
  });

  it('names the program that listens on the port, unless it is to be taken over', () => {
    expect(refusal('80/tcp')).to.include({
      code: 'conflict',
      message: 'forward 80/tcp: nginx listens on 80/tcp of this relay',
      hint: 'stop it, choose another public port (10080=80/tcp), or use --take-over',
    });
    expect(refusal('120-130/udp').message).to.include('ntpd listens on 123/udp');
    check('80/tcp', true);
    check('120-130/udp', true);
  });

  it('minds the address a program is bound to', () => {
    expect(refusal('25/tcp').message).to.include('master listens on 25/tcp');
    expect(refusal('198.51.100.1:25/tcp').message).to.include('master');
    check('198.51.100.2:25/tcp');
    expect(refusal('198.51.100.2:80/tcp').message).to.include('nginx');
  });

  it('is not in the way of programs on loopback, nor of those on IPv6 alone', () => {
    for (const spec of ['631/tcp', '53/udp', '8006/tcp']) check(spec);
  });

  it('proposes another public port for the same target', () => {
    const proposed = (spec: string) => /\((\S+)\)/.exec(refusal(spec).hint ?? '')?.[1];
    expect(proposed('80=192.168.1.99:8080/tcp')).to.equal('10080=192.168.1.99:8080/tcp');
    expect(proposed('198.51.100.1:80/tcp')).to.equal('198.51.100.1:10080=80/tcp');
    expect(proposed('80-81/tcp')).to.equal('10080-10081=80-81/tcp');
  });

  it('proposes only what can be read', () => {
    const listeners = parseListeners('tcp LISTEN 0 1 *:60000 *:* users:(("x",pid=1,fd=1))');
    const error = thrownBy(() =>
      checkForward(relayState(), 'home', parseForward('60000/tcp'), { ...ports, listeners }, false),
    );
    expect(error.hint).to.include('(50000=60000/tcp)');
  });
});
