/** The kernel's choice of links and source addresses: recorded answers of `ip -j -force -batch`, and a real kernel asked. */

import { command } from '@homeward/shared/host/command';
import { askWays, parseRouteAnswers, type Way } from '@homeward/shared/kernel/route-get';
import { parseIp } from '@homeward/shared/net/address';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { networkNamespace } from './network-namespace.js';
import { recorded } from './recorded.js';

const ways = (answers: ReadonlyMap<string, Way>) =>
  [...answers].map(([destination, { link, source }]) => [destination, link, source]);

describe('kernel/route-get', () => {
  const inside = networkNamespace();

  it('reads recorded answers, of the machine itself too; what no route leads to has none', () => {
    expect(ways(parseRouteAnswers(recorded('route-answers.txt')))).to.deep.equal([
      ['8.8.8.8', 'eth0', '203.0.113.9'],
      ['10.9.1.1', 'eth1', '192.168.1.2'],
      ['192.168.1.77', 'eth1', '192.168.1.2'],
      ['192.168.1.2', 'lo', '192.168.1.2'],
      ['10.8.0.9', 'eth0', '203.0.113.9'],
      ['127.0.0.1', 'lo', '127.0.0.1'],
      ['2001:4860::8888', 'eth0', '2001:db8:1::9'],
      ['2001:db8:9::1', 'eth1', 'fd00:1::2'],
      ['fd00:1::77', 'eth1', 'fd00:1::2'],
      ['fd00:1::2', 'lo', 'fd00:1::2'],
      ['2001:db8:77::1', 'eth0', '2001:db8:1::9'],
      ['fd00:2::1', 'eth0', '2001:db8:1::9'],
      ['::1', 'lo', '::1'],
    ]);
  });

  it('reads the link and the next hop, which what is on the link itself has none of', () => {
    const ways = parseRouteAnswers(recorded('route-answers.txt'));
    const way = (destination: string) => ways.get(parseIp(destination));
    expect(way('192.168.1.77')).to.include({ link: 'eth1', router: null });
    expect(way('fd00:2::1')).to.include({ link: 'eth0', router: 'fe80::1' });
    const [viaOther] = parseRouteAnswers(
      '[{"dst":"10.0.0.1","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","prefsrc":"10.9.0.1"}]',
    ).values();
    expect(viaOther).to.deep.equal({ source: '10.9.0.1', link: 'eth0', router: 'fe80::1' });
  });

  it('makes nothing of no answers', () => {
    expect(parseRouteAnswers('').size).to.equal(0);
    expect(parseRouteAnswers('\n \n').size).to.equal(0);
    expect(parseRouteAnswers('[{"dst":"10.0.0.1","dev":"ppp0","flags":[]}]\n').size).to.equal(0);
  });

  it('refuses what is no answer', () => {
    for (const text of ['8.8.8.8 via 203.0.113.1 dev eth0', '{"dst":"8.8.8.8"}', '[{"dev":"eth0"}]']) {
      expect(() => parseRouteAnswers(text), text).to.throw();
    }
  });

  it('asks the kernel for all at once, whether it knows a route to each or to none', async () => {
    const ask = async (...destinations: string[]) => ways(await askWays(inside, destinations.map(parseIp)));
    expect(await ask()).to.deep.equal([]);
    expect(await ask('8.8.8.8', '2001:4860::8888')).to.deep.equal([]);
    const lines = [
      'link set lo up',
      'address add 198.51.100.1/24 dev lo',
      'address add 2001:db8:1::9/64 dev lo nodad',
      'route add 203.0.113.0/24 dev lo src 198.51.100.1',
      'route add 2001:db8:2::/64 dev lo src 2001:db8:1::9',
    ];
    await inside.run(command('ip', ['-batch', '-'], `${lines.join('\n')}\n`));
    expect(await ask('203.0.113.7', '8.8.8.8', '2001:4860::8888', '2001:db8:2::7', '198.51.100.1')).to.deep.equal([
      ['203.0.113.7', 'lo', '198.51.100.1'],
      ['2001:db8:2::7', 'lo', '2001:db8:1::9'],
      ['198.51.100.1', 'lo', '198.51.100.1'],
    ]);
  });
});
