/** What planning learns of forwarding on a machine, and the order in which it is switched on. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { availableFamilies } from '@homeward/shared/kernel/families';
import { forwardingFacts, forwardingSysctls } from '@homeward/shared/kernel/forwarding';
import { FORWARDING, linkForwarding } from '@homeward/shared/kernel/forwarding-guard';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { temporaryDirectory } from '../host/temporary.js';

const acceptRa = (link: string) => `net/ipv6/conf/${link}/accept_ra`;
const off = { [FORWARDING.ipv4]: '0', [FORWARDING.ipv6]: '0' };

describe('kernel/forwarding', () => {
  const path = temporaryDirectory();

  /** A machine with these sysctls, and no others. */
  async function sysctlsOf(values: Readonly<Record<string, string>>) {
    for (const [name, value] of Object.entries(values)) {
      await mkdir(dirname(path(name)), { recursive: true });
      await writeFile(path(name), `${value}\n`);
    }
    return createSysctlFiles(path());
  }

  it('guards and keeps nothing on a machine that forwards already', async () => {
    const sysctls = await sysctlsOf({ [FORWARDING.ipv4]: '1', [FORWARDING.ipv6]: '1', [acceptRa('eth0')]: '2' });
    expect(await forwardingFacts(sysctls, {}, ['eth0'])).to.deep.equal({
      guarded: { ipv4: [], ipv6: [] },
      advertised: [],
      switched: [],
    });
  });

  it('guards each family by its own switch', async () => {
    const sysctls = await sysctlsOf({
      [FORWARDING.ipv4]: '1',
      [FORWARDING.ipv6]: '0',
      [linkForwarding('ipv6', 'br0')]: '1',
    });
    const { guarded } = await forwardingFacts(sysctls, {}, ['eth0', 'br0']);
    expect(guarded).to.deep.equal({ ipv4: [], ipv6: ['eth0'] });
  });

  it('knows which links learn their routes by advertisements, also after we told them to go on', async () => {
    const before = { [acceptRa('eth0')]: '1', [acceptRa('eth1')]: '0', [acceptRa('wlan0')]: '2' };
    const links = ['eth0', 'eth1', 'wlan0', 'tun0'];
    const found = await forwardingFacts(await sysctlsOf({ ...off, ...before }), {}, links);
    expect(found.advertised).to.deep.equal(['eth0']);
    const ours = {
      [acceptRa('eth0')]: { before: '1', links },
      [FORWARDING.ipv6]: { before: '0', links },
      [linkForwarding('ipv6', 'eth0')]: { before: '0', links },
    };
    const after = { [FORWARDING.ipv6]: '1', [acceptRa('eth0')]: '2', [linkForwarding('ipv6', 'eth0')]: '1' };
    expect(await forwardingFacts(await sysctlsOf(after), ours, links)).to.deep.include({
      advertised: ['eth0'],
      switched: ['ipv6'],
    });
  });

  it('counts among them a link that came since, but none that forwarded before us', async () => {
    const links = ['eth0', 'br0'];
    const brOn = { [linkForwarding('ipv6', 'br0')]: '1', [acceptRa('br0')]: '1', [acceptRa('eth0')]: '1' };
    const found = await forwardingFacts(await sysctlsOf({ ...off, ...brOn }), {}, links);
    expect(found.advertised).to.deep.equal(['eth0']);
    const ours = {
      [FORWARDING.ipv6]: { before: '0', links },
      [linkForwarding('ipv6', 'eth0')]: { before: '0', links },
      [linkForwarding('ipv6', 'br0')]: { before: '1', links },
    };
    const on = ['eth0', 'br0', 'wwan0'].map((link) => [linkForwarding('ipv6', link), '1']);
    const after = { [FORWARDING.ipv6]: '1', [acceptRa('wwan0')]: '1', ...Object.fromEntries(on) };
    const { advertised } = await forwardingFacts(await sysctlsOf(after), ours, [...links, 'wwan0']);
    expect(advertised).to.deep.equal(['eth0', 'wwan0']);
  });

  it('lets no machine that was a router already begin to listen to advertisements', async () => {
    const router = { [FORWARDING.ipv6]: '1', [acceptRa('eth0')]: '1', [linkForwarding('ipv6', 'eth0')]: '1' };
    expect((await forwardingFacts(await sysctlsOf(router), {}, ['eth0'])).advertised).to.deep.equal([]);
  });

  it('knows nothing of IPv6 where the kernel has none', async () => {
    expect(await forwardingFacts(await sysctlsOf({ [FORWARDING.ipv4]: '0' }), {}, ['eth0'])).to.deep.equal({
      guarded: { ipv4: ['eth0'], ipv6: [] },
      advertised: [],
      switched: [],
    });
  });

  it("keeps the advertised routes before it makes a router of the machine, for IPv6's sake alone", () => {
    const lines = (family: 'ipv4' | 'ipv6', advertised: readonly string[]) =>
      forwardingSysctls(family, { advertised }).map((sysctl) => `${sysctl.path} = ${sysctl.value}`);
    expect(lines('ipv4', ['eth0'])).to.deep.equal(['net/ipv4/ip_forward = 1']);
    expect(lines('ipv6', [])).to.deep.equal(['net/ipv6/conf/all/forwarding = 1']);
    expect(lines('ipv6', ['eth0', 'eth0.100'])).to.deep.equal([
      'net/ipv6/conf/eth0/accept_ra = 2',
      'net/ipv6/conf/eth0.100/accept_ra = 2',
      'net/ipv6/conf/all/forwarding = 1',
    ]);
  });

  it('speaks IPv6 only where new links get it', async () => {
    const file = 'net/ipv6/conf/default/disable_ipv6';
    expect(await availableFamilies(await sysctlsOf({ [file]: '0' }))).to.deep.equal(['ipv4', 'ipv6']);
    expect(await availableFamilies(await sysctlsOf({ [file]: '1' }))).to.deep.equal(['ipv4']);
    expect(await availableFamilies(createSysctlFiles(path('a kernel without IPv6')))).to.deep.equal(['ipv4']);
  });
});
