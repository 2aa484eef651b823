/** The addresses of the synthetic client's link, in a real kernel. */

import { probeAddressAdd } from '@homeward/controller/probe/probe-address';
import { command } from '@homeward/shared/host/command';
import { parseLinks } from '@homeward/shared/kernel/iproute-parse';
import { FAMILIES } from '@homeward/shared/net/address';
import { PROBE_CLIENT_LINK, PROBE_LINK } from '@homeward/shared/net/allocation';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { networkNamespace } from '../kernel/network-namespace.js';

describe('probe/probe-address', () => {
  const inside = networkNamespace();

  it('gives each end an address of each family that can be used at once', async () => {
    const lines = [
      `link add ${PROBE_LINK} type veth peer name ${PROBE_CLIENT_LINK}`,
      ...FAMILIES.map((family) => probeAddressAdd(family, 'relay', PROBE_LINK)),
      ...FAMILIES.map((family) => probeAddressAdd(family, 'client', PROBE_CLIENT_LINK)),
      `link set dev ${PROBE_LINK} up`,
      `link set dev ${PROBE_CLIENT_LINK} up`,
    ];
    await inside.run(command('ip', ['-batch', '-'], `${lines.join('\n')}\n`));
    const shown = await inside.run(command('ip', ['-d', '-j', 'address', 'show']));
    const addresses = parseLinks(shown).flatMap((link) =>
      link.addresses
        .filter(({ scope }) => scope === 'global')
        .map(({ address, prefixLength }) => `${link.name} ${address}/${prefixLength}`),
    );
    expect(addresses).to.have.members([
      'hwp0 192.0.2.1/24',
      'hwp0 3fff:770::1/64',
      'hwp1 192.0.2.2/24',
      'hwp1 3fff:770::2/64',
    ]);
    const tentative = await inside.run(command('ip', ['-6', '-j', 'address', 'show', 'tentative', 'scope', 'global']));
    expect(tentative).to.not.include('3fff');
  });
});
