/** Recorded `ss -Hlntup`: addresses of both families, links, program names. */

import { parseListeners } from '@homeward/shared/kernel/sockets';
import { sshPorts } from '@homeward/shared/kernel/ssh-ports';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const listeners = parseListeners(recorded('sockets.txt'));
const lines = listeners.map(
  ({ transport, address, family, port, link, program }) =>
    `${transport} ${address} ${family} ${port} ${link ?? '-'} ${program}`,
);

describe('kernel/sockets', () => {
  it('reads every recorded socket', () => {
    expect(lines.filter((line) => !line.includes(' 8080 '))).to.have.members([
      'udp * ipv4 51999 - wireguard-go',
      'udp * ipv6 51999 - wireguard-go',
      'udp * ipv4 5353 - avahi-daemon',
      'udp * ipv6 5353 - avahi-daemon',
      'udp 127.0.0.53 ipv4 5354 lo systemd-resolve',
      'tcp 127.0.0.53 ipv4 5354 lo systemd-resolve',
      'udp * ipv4 67 eth1 dnsmasq',
      'udp 192.168.1.2 ipv4 123 - ntpd',
      'udp * both 53 - named',
      'tcp * both 53 - named',
      'udp 2001:db8::9 ipv6 443 - caddy',
      'udp fe80::5:1 ipv6 546 eth0 dhclient',
      'tcp 127.0.0.1 ipv4 631 - cupsd',
      'tcp ::1 ipv6 631 - cupsd',
      'tcp * ipv4 22 - sshd',
      'tcp * ipv6 22 - sshd',
      'tcp * both 7700 - controller',
      'tcp 127.0.0.1 ipv4 80 - java',
      'tcp 192.168.1.2 ipv4 8009 - java',
    ]);
  });

  it('reads a program name with a space', () => {
    expect(lines).to.include('tcp 10.77.16.2 ipv4 8080 - Web Content');
  });

  it("knows IPv4's wildcard also where an IPv6 socket has it", () => {
    const [listener] = parseListeners('tcp LISTEN 0 128 [::ffff:0.0.0.0]:80 *:* users:(("java",pid=1,fd=3))');
    expect(listener).to.include({ address: '*', family: 'ipv4', port: 80 });
  });

  it('calls a program it may not see unknown', () => {
    expect(parseListeners('udp   UNCONN 0      0            0.0.0.0:51820      0.0.0.0:*   \n')).to.deep.equal([
      { transport: 'udp', address: '*', family: 'ipv4', port: 51_820, link: null, program: 'unknown', programs: [] },
    ]);
  });

  it('names all processes of a socket, the first one first', () => {
    const line = 'tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=12,fd=5),("nginx",pid=11,fd=5))';
    expect(parseListeners(line)[0]).to.deep.include({ program: 'nginx', programs: ['nginx', 'nginx'] });
    const held = 'tcp LISTEN 0 128 *:22 *:* users:(("systemd",pid=1,fd=9),("sshd",pid=8,fd=3))';
    expect(parseListeners(held)[0]?.programs).to.deep.equal(['systemd', 'sshd']);
  });

  it('leaves out lines that are no TCP or UDP sockets', () => {
    expect(parseListeners('\nraw UNCONN 0 0 *:255 *:*\nicmp6 UNCONN 0 0 *:58 *:*\n')).to.deep.equal([]);
  });

  it('finds the ports of SSH, whoever holds them open for it', () => {
    expect(sshPorts(listeners)).to.deep.equal([22, 22]);
    const held = (program: string, port: number) =>
      parseListeners(`tcp LISTEN 0 128 *:${port} *:* users:(("${program}",pid=1,fd=3))`);
    expect(sshPorts(held('systemd', 22))).to.deep.equal([22]);
    expect(sshPorts(held('systemd', 2200)), 'ssh.socket on another port').to.deep.equal([2200]);
    expect(sshPorts(held('dropbear', 2222))).to.deep.equal([2222]);
    expect(sshPorts(held('nginx', 22))).to.deep.equal([]);
    expect(sshPorts(parseListeners('udp UNCONN 0 0 *:22 *:* users:(("sshd",pid=1,fd=3))'))).to.deep.equal([]);
  });
});
