/** A real kernel: addresses, routes and rules of tunnels are read back as they were meant, and removed without a trace. */

import { BACKEND_OWNERSHIP } from '@homeward/agent/daemon/backend-kernel';
import { landingRule, type ReturnWay, returnRoute } from '@homeward/agent/desired/return-route';
import { rulePlaces } from '@homeward/agent/desired/rule-places';
import { RELAY_OWNERSHIP } from '@homeward/controller/daemon/relay-kernel';
import { command } from '@homeward/shared/host/command';
import { type Ownership, ownedState } from '@homeward/shared/kernel/owned-state';
import { NO_TABLES, takeSnapshot } from '@homeward/shared/kernel/snapshot';
import { FAMILIES, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseLinkName } from '@homeward/shared/net/names';
import { diff } from '@homeward/shared/reconcile/diff';
import { plan } from '@homeward/shared/reconcile/plan';
import { hostState } from '@homeward/shared/state/host-state';
import type { HostState, Resource } from '@homeward/shared/state/resources';
import { greTunnel } from '@homeward/shared/tunnel/gre';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { outerEnds, peerOf, RELAY } from '../tunnel/ends.js';
import { networkNamespace } from './network-namespace.js';

const USUAL = rulePlaces([], []);

describe('ways in the kernel', () => {
  const inside = networkNamespace();
  const ip = (...args: string[]) => inside.run(command('ip', args));
  const links: string[] = [];

  /** Stands for a tunnel's device: point to point, or one that several machines share. */
  async function device(name: string, mode: 'tun' | 'tap', ...addresses: string[]): Promise<void> {
    await ip('tuntap', 'add', 'dev', name, 'mode', mode);
    links.push(name);
    const given = addresses.map((one) => `address add ${one} dev ${name}${one.includes(':') ? ' nodad' : ''}`);
    await inside.run(command('ip', ['-batch', '-'], [...given, `link set ${name} up`].join('\n')));
  }
  afterEach(async () => {
    await inside.run(
      command(
        'ip',
        ['-batch', '-'],
        links
          .splice(0)
          .map((name) => `link delete ${name}\n`)
          .join(''),
      ),
    );
  });

  /** What is ours now, without the devices, which are stand-ins here. */
  async function found(ownership: Ownership): Promise<HostState> {
    const snapshot = await takeSnapshot(inside, NO_TABLES, () => false);
    const state = ownedState(snapshot, ownership, {}, new Map(), { links, fouPorts: [] });
    return new Map([...state].filter(([, { kind }]) => kind !== 'link'));
  }

  async function become(desired: HostState, ownership: Ownership): Promise<void> {
    for (const step of plan(diff(desired, await found(ownership)), desired)) {
      if (step.kind !== 'ip') throw new Error(`${step.kind} is not expected`);
      const family = step.family === 'ipv6' ? ['-6'] : [];
      await inside.run(command('ip', [...family, '-batch', '-'], `${step.lines.join('\n')}\n`));
    }
  }

  /** Without what the kernel itself puts on a device with its first IPv6 address, and leaves there. */
  const everything = async () => {
    const listings = await Promise.all(
      ['-4', '-6'].map((family) =>
        inside.run(command('ip', [family, '-batch', '-'], 'route show table all\nrule show\naddress show\n')),
      ),
    );
    return listings.join('').replaceAll(/^multicast .*\n/gm, '');
  };

  /** The state is made, found again, made a second time without a step, and removed so that nothing is left. */
  async function comesAndGoes(resources: readonly Resource[], ownership: Ownership): Promise<void> {
    const before = await everything();
    const desired = hostState(resources.filter(({ kind }) => kind !== 'link' && kind !== 'sysctl'));
    await become(desired, ownership);
    expect(diff(desired, await found(ownership))).to.deep.equal([]);
    await become(hostState([]), ownership);
    expect(await everything()).to.equal(before);
  }

  it('lead from the relay to each backend by a link of its own, in both families', async () => {
    for (const name of ['hwg1', 'hwg2']) await device(name, 'tun');
    const outer = outerEnds('198.51.100.1', '203.0.113.9');
    const spec = { kind: 'gre', udp: false, key: null } as const;
    const peers = [peerOf<'gre'>(1, spec, outer), peerOf<'gre'>(2, spec, outer)];
    await comesAndGoes(greTunnel.relayResources(RELAY, peers), RELAY_OWNERSHIP);
  });

  it("lead back into a tunnel of ours, by an owner's device, and by the next machine on one that several share", async () => {
    await device('hw1', 'tun');
    await device('tun0', 'tun', '10.8.0.2/24', 'fd00:8::2/64');
    await device('zt0', 'tap', '10.147.17.2/24', 'fd00:17::2/64');
    const way = (slot: number, link: string, shared: ReturnWay['shared'], host: string): ReturnWay => ({
      ...{ slot, shared, link: parseLinkName(link) },
      tunnelAddresses: { ipv4: parseIpv4(`10.${host}.2`), ipv6: parseIpv6(`fd00:${host.split('.')[1]}::2`) },
    });
    const gateways = { ipv4: parseIpv4('10.147.17.1'), ipv6: parseIpv6('fd00:17::1') };
    const ways = [
      way(1, 'hw1', null, '77.16'),
      way(2, 'tun0', { gateways: {} }, '8.0'),
      way(3, 'zt0', { gateways }, '147.17'),
    ];
    const resources = [
      ...ways.flatMap((one) => returnRoute(one, FAMILIES, USUAL)),
      ...FAMILIES.map((family) => landingRule(family, USUAL[family])),
    ];
    await comesAndGoes(resources, BACKEND_OWNERSHIP);
  });

  it('change where they lead: to another device, with and without a next machine', async () => {
    await device('tun0', 'tun', '10.8.0.2/24', 'fd00:8::2/64');
    await device('zt0', 'tap', '10.147.17.2/24', 'fd00:17::2/64');
    const tunnelAddresses = { ipv4: parseIpv4('10.8.0.2'), ipv6: parseIpv6('fd00:8::2') };
    const state = (link: string, gateway: number | null) => {
      const gateways =
        gateway === null ? {} : { ipv4: parseIpv4(`10.147.17.${gateway}`), ipv6: parseIpv6(`fd00:17::${gateway}`) };
      const way = { slot: 1, link: parseLinkName(link), tunnelAddresses, shared: { gateways } };
      return hostState(returnRoute(way, FAMILIES, USUAL).filter(({ kind }) => kind !== 'sysctl'));
    };
    const changes = [state('tun0', null), state('zt0', 1), state('zt0', 9), state('zt0', null), state('tun0', null)];
    for (const desired of [...changes, hostState([])]) {
      await become(desired, BACKEND_OWNERSHIP);
      expect(diff(desired, await found(BACKEND_OWNERSHIP))).to.deep.equal([]);
    }
  });
});
