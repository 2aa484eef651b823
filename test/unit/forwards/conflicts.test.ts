/** Which forwards the relay refuses, and what it names as the reason. */

import { createForwardCheck, doorTaken } from '@homeward/controller/forwards/conflicts';
import type { RelayState } from '@homeward/controller/store/state';
import { parseListeners } from '@homeward/shared/kernel/sockets';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import fc from 'fast-check';
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
const ports = { listeners: parseListeners(SOCKETS), controlPort: 7700, tunnelPorts: [51_820] };
const state = relayState([paired('home', 1, ['443/tcp', '5000-5099/udp']), paired('nas', 2, ['8080/tcp'])]);

/** Checks forwards of a backend one after another. */
function admit(at: RelayState, backend: string, specs: readonly string[], takeOver = false): void {
  const admission = createForwardCheck(at, ports);
  for (const spec of specs) admission.admit(backend, parseForward(spec), takeOver);
}
const check = (spec: string, takeOver = false) => admit(state, 'home', [spec], takeOver);
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
    ['1024-65535/udp', "forward 1024-65535/udp would take port 51820/udp, homeward's tunnel port"],
    ['[2001:db8::1]:22/tcp', "forward [2001:db8::1]:22/tcp would take port 22/tcp, the relay's SSH"],
    ['22=[fd00::9]/tcp', "forward 22=[fd00::9]/tcp would take port 22/tcp, the relay's SSH"],
  ];
  for (const [spec, message] of DOORS) {
    it(`keeps the operator's doors from ${spec}, taking over or not`, () => {
      for (const takeOver of [false, true]) expect(refusal(spec, takeOver)).to.include({ code: 'conflict', message });
    });
  }

  it('admits one `all` for each address, beside single forwards and what listens, and names who has it', () => {
    const whole = relayState([paired('home', 1, ['443/tcp', 'all']), paired('nas', 2, ['8080/tcp'])]);
    for (const spec of ['all', 'all-except-25/tcp']) {
      expect(thrownBy(() => admit(whole, 'nas', [spec]))).to.include({
        code: 'conflict',
        message: `forward ${spec}: everything goes to backend "home" (all)`,
      });
    }
    admit(whole, 'nas', ['198.51.100.1:all', '81/tcp']);
    admit(whole, 'home', ['all-except-25/tcp', '82/tcp']);
    admit(state, 'home', ['198.51.100.1:all', '198.51.100.1:all']);
  });

  it('refuses beside `all` a host behind its backend for clients of one address only', () => {
    const narrow = '198.51.100.1:8081=192.168.1.9/tcp';
    for (const specs of [
      [narrow, 'all'],
      ['all', narrow],
    ]) {
      expect(thrownBy(() => admit(state, 'home', specs)).message).to.match(
        /would reach it by the same port, for two places/,
      );
    }
    admit(state, 'home', [narrow, '198.51.100.1:all', '8082=192.168.1.9/tcp']);
    admit(state, 'home', ['all', '8082=192.168.1.9/tcp']);
  });

  it('keeps the port of GRE in UDP, where a backend uses it', () => {
    const admission = createForwardCheck(state, { ...ports, tunnelPorts: [51_820, 7700] });
    expect(thrownBy(() => admission.admit('home', parseForward('7700/udp'), true))).to.include({
      code: 'conflict',
      message: "forward 7700/udp would take port 7700/udp, homeward's tunnel port",
    });
    check('7700/udp');
  });

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

  it('refuses ports of arrival that lead to two places behind the same backend', () => {
    const taken = relayState([
      paired('home', 1, [
        '8001=192.168.1.9:80/tcp',
        '8443=443/tcp',
        '198.51.100.1:5000-5099=192.168.1.9:6000-6099/udp',
      ]),
      paired('nas', 2, []),
    ]);
    const set = (backend: string, spec: string) => () => admit(taken, backend, [spec]);
    for (const [spec, other] of [
      // To a service of the backend itself by the port by which a host is meant, and the reverse.
      ['9001=8001/tcp', '8001=192.168.1.9:80/tcp'],
      ['198.51.100.1:443=192.168.1.10/tcp', '8443=443/tcp'],
      ['198.51.100.2:8001=192.168.1.10:80/tcp', '8001=192.168.1.9:80/tcp'],
      ['198.51.100.2:8001=192.168.1.9:81/tcp', '8001=192.168.1.9:80/tcp'],
      ['198.51.100.2:5050-5059=192.168.1.9:6051-6060/udp', '198.51.100.1:5000-5099=192.168.1.9:6000-6099/udp'],
      ['198.51.100.2:5099-5100/udp', '198.51.100.1:5000-5099=192.168.1.9:6000-6099/udp'],
    ] as const) {
      expect(thrownBy(set('home', spec)).message, spec).to.equal(
        `forward ${spec} and ${other} of backend "home" would reach it by the same port, for two places`,
      );
    }
    // The same place by another address or port, another transport, another family, another backend.
    set('home', '198.51.100.2:5050-5059=192.168.1.9:6050-6059/udp')();
    set('home', '198.51.100.1:8001=192.168.1.9:80/tcp')();
    set('home', '8002=192.168.1.10:80/tcp')();
    set('home', '198.51.100.1:8001=192.168.1.10:80/udp')();
    set('home', '[2001:db8::1]:8001=[fd00::9]:80/tcp')();
    set('home', '9443=443/tcp')();
    set('nas', '198.51.100.1:8001=192.168.1.10:80/tcp')();
  });

  it('checks each forward also beside those that come with it', () => {
    const empty = relayState([paired('home', 1, []), paired('nas', 2, [])]);
    const together = (...specs: string[]) => thrownBy(() => admit(empty, 'home', specs)).message;
    expect(together('9000/tcp', '9000=9001/tcp')).to.include('the port already goes to backend "home" (9000/tcp)');
    expect(together('9000-9999/udp', '9500=1/udp')).to.include('backend "home" (9000-9999/udp)');
    expect(together('8001=192.168.1.9:80/tcp', '9001=8001/tcp')).to.include('would reach it by the same port');
    admit(empty, 'home', ['9000/tcp', '9000/udp', '9000/tcp', '9001/tcp']);
    const admission = createForwardCheck(empty, ports);
    admission.admit('home', parseForward('9000/tcp'), false);
    expect(thrownBy(() => admission.admit('nas', parseForward('9000/tcp'), false)).message).to.include(
      'backend "home"',
    );
  });

  it('takes no harm from a forward it refused', () => {
    const admission = createForwardCheck(relayState([paired('home', 1, []), paired('nas', 2, [])]), ports);
    expect(thrownBy(() => admission.admit('home', parseForward('80/tcp'), false)).message).to.include('nginx');
    admission.admit('nas', parseForward('80/tcp'), true);
  });

  it('lets what was taken over once stay, and be given again', () => {
    const over = relayState([paired('home', 1, ['80/tcp'])]);
    admit(over, 'home', ['80/tcp']);
    expect(thrownBy(() => admit(over, 'home', ['81=80/tcp', '[2001:db8::1]:80/tcp'])).message).to.include('nginx');
  });

  it('names the door that a forward would take', () => {
    expect(doorTaken(parseForward('7000-7999/tcp'), ports)).to.deep.equal({
      transport: 'tcp',
      port: 7700,
      what: "homeward's control port",
    });
    expect(doorTaken(parseForward('443/tcp'), ports)).to.equal(null);
    expect(doorTaken(parseForward('1-65535/udp'), ports)?.port).to.equal(51_820);
  });

  it('takes a forward that is there already, and its other transport', () => {
    for (const spec of ['443/tcp', '443/udp', '443/tcp+udp', '8080/udp', '5050/tcp']) check(spec);
  });

  it('lets a forward of one address stand beside one of all', () => {
    check('198.51.100.2:8080/tcp');
  });

  it('keeps the families apart, also where two hosts behind two backends are meant', () => {
    const four = relayState([
      paired('home', 1, ['8080=192.168.1.9/tcp', '[2001:db8::1]:9000/tcp']),
      paired('nas', 2, []),
    ]);
    admit(four, 'nas', ['8080=[fd00::9]/tcp', '198.51.100.1:9000/tcp']);
    expect(thrownBy(() => admit(four, 'nas', ['8080/tcp'])).message).to.include(
      'backend "home" (8080=192.168.1.9/tcp)',
    );
    expect(thrownBy(() => admit(four, 'nas', ['[2001:DB8::1]:9000/tcp'])).message).to.include('backend "home"');
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

  it('is not in the way of programs on loopback', () => {
    for (const spec of ['631/tcp', '53/udp']) check(spec);
  });

  it('minds the family a program listens in', () => {
    expect(refusal('8006/tcp').message).to.include('pveproxy listens on 8006/tcp');
    expect(refusal('[2001:db8::1]:8006/tcp').message).to.include('pveproxy');
    check('198.51.100.1:8006/tcp');
    expect(refusal('8006=[fd00::9]/tcp').message).to.include('pveproxy');
    expect(refusal('123/udp').message).to.include('ntpd');
    check('[2001:db8::1]:123/udp');
    expect(refusal('[2001:db8::1]:80/tcp').message).to.include('nginx');
  });

  it('proposes another public port for the same target', () => {
    const proposed = (spec: string) => /\((\S+)\)/.exec(refusal(spec).hint ?? '')?.[1];
    expect(proposed('80=192.168.1.99:8080/tcp')).to.equal('10080=192.168.1.99:8080/tcp');
    expect(proposed('198.51.100.1:80/tcp')).to.equal('198.51.100.1:10080=80/tcp');
    expect(proposed('80-81/tcp')).to.equal('10080-10081=80-81/tcp');
    expect(proposed('[2001:db8::1]:80/tcp')).to.equal('[2001:db8::1]:10080=80/tcp');
    expect(proposed('80=[fd00::9]:8080/tcp')).to.equal('10080=[fd00::9]:8080/tcp');
    expect(proposed('79-60000/tcp')).to.equal(undefined);
  });

  it('proposes only what can be read', () => {
    const sockets = (program: string, port: number) =>
      parseListeners(`tcp LISTEN 0 1 *:${port} *:* users:(("${program}",pid=1,fd=1))`);
    const hint = (spec: string, listeners: typeof ports.listeners) =>
      thrownBy(() => createForwardCheck(relayState(), { ...ports, listeners }).admit('home', parseForward(spec), false))
        .hint;
    expect(hint('60000/tcp', sockets('x', 60_000))).to.include('(50000=60000/tcp)');
    const anyRange = fc.tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }));
    fc.assert(
      fc.property(anyRange, ([a, b]) => {
        const spec = `${Math.min(a, b)}-${Math.max(a, b)}/tcp`;
        const proposed = /example (\S+)$/.exec(hint(spec, sockets('sshd', Math.min(a, b))) ?? '')?.[1] ?? '';
        expect(parseForward(proposed).spec, spec).to.equal(proposed);
      }),
    );
  });
});
