/** Real nft: every table and element that is rendered loads, and what is listed back is what was meant. */

import { backendState } from '@homeward/agent/desired/backend-state';
import { backendTable, type TableSlot } from '@homeward/agent/desired/backend-table';
import { relayHostState } from '@homeward/controller/desired/relay-state';
import { relayTable } from '@homeward/controller/desired/relay-table';
import { createForwardCheck } from '@homeward/controller/forwards/conflicts';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { command } from '@homeward/shared/host/command';
import { parseNftTable } from '@homeward/shared/kernel/nft-parse';
import { renderNft } from '@homeward/shared/kernel/nft-render';
import { parseIpv4 } from '@homeward/shared/net/address';
import { slotNumbers } from '@homeward/shared/net/allocation';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parseLinkName } from '@homeward/shared/net/names';
import { parsePrefix } from '@homeward/shared/net/prefix';
import { diff } from '@homeward/shared/reconcile/diff';
import { plan } from '@homeward/shared/reconcile/plan';
import type { HostState, NftElement, NftTable } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { facts, tunnel, tunnelAddresses } from '../desired/backend-states.js';
import { relayFacts } from '../desired/relay-facts.js';
import { elementLines } from '../desired/state-lines.js';
import { paired, relayState } from '../store/relay-states.js';
import { elementLine, linesOf } from './element-lines.js';
import { networkNamespace } from './network-namespace.js';
import { anyMapped, anyTableSlot, backendElements, relayElements } from './nft-generators.js';

const anyLinks = fc.constantFrom<readonly string[]>([], ['eth0'], ['br-12ab', 'eth0', 'wlan0.7']);
const anyGuard = fc.record({ ipv4: anyLinks, ipv6: anyLinks });
const anySlots = fc.uniqueArray(anyTableSlot, { minLength: 1, maxLength: 4, selector: ({ slot }) => slot });
const NO_GUARD = { ipv4: [], ipv6: [] };

const tableSlot = (slot: number): TableSlot => ({
  ...{ slot, link: slotNumbers(slot).link, tunnelAddresses: tunnelAddresses(slot), shared: null },
});
const lines = (elements: readonly NftElement[]) => elements.map(elementLine).sort();

/** Forwards among few ports, so that they meet, of lists that a relay takes. */
const anySpecs = fc
  .array(
    fc
      .record({
        address: fc.constantFrom('', '', '198.51.100.1:', '[2001:db8::1]:'),
        first: fc.integer({ min: 1, max: 40 }),
        length: fc.constantFrom(0, 0, 3, 20),
        host: fc.constantFrom('', '', '192.168.1.9:', '[fd00:1::9]:'),
        shift: fc.constantFrom(0, 0, 100),
        transports: fc.constantFrom('tcp', 'udp', 'tcp+udp'),
      })
      .filter(({ address, host }) => address === '' || host === '' || address.includes('[') === host.includes('['))
      .map(({ address, first, length, host, shift, transports }) => {
        const last = first + length;
        return parseForward(`${address}${first}-${last}=${host}${first + shift}-${last + shift}/${transports}`).spec;
      }),
    { maxLength: 8 },
  )
  .map((specs) => {
    const check = createForwardCheck(relayState([paired('home', 1, [])]), {
      listeners: [],
      controlPort: 7700,
      tunnelPorts: [51_820],
    });
    return specs.filter((spec) => {
      try {
        check.admit('home', parseForward(spec), false);
        return true;
      } catch (error) {
        if (error instanceof RelayError) return false;
        throw error;
      }
    });
  });

const relayOf = (specs: readonly string[]) =>
  relayHostState(relayState([paired('home', 1, specs)]), relayFacts({ sshPorts: [22] }));

const SOCKETS = ['udp *:5', 'udp 192.168.1.2:10', 'tcp [fd00:1::2]:12', 'udp 10.77.16.2:20', 'udp [::]:30'];
const backendOf = (specs: readonly string[], sockets: readonly string[]) =>
  backendState([tunnel(1, specs)], facts({ sockets }));

describe('tables in nft', () => {
  const inside = networkNamespace();
  const nft = (script: string) => inside.run(command('nft', ['-f', '-'], script));
  const load = (table: NftTable, addElements: readonly NftElement[]) =>
    nft(renderNft({ replace: [table], remove: [], deleteElements: [], addElements }));
  const list = async (name: string, ...options: string[]) =>
    parseNftTable(await inside.run(command('nft', ['-j', '-s', ...options, 'list', 'table', 'inet', name])));

  /** The elements listed back are those that were loaded; without them the listing has the same digest. */
  async function roundTrip(table: NftTable, elements: readonly NftElement[]): Promise<void> {
    const script = renderNft({ replace: [table], remove: [], deleteElements: [], addElements: elements });
    await nft(script);
    const [full, terse] = await Promise.all([list(table.name), list(table.name, '-t')]);
    expect(linesOf(full.elements)).to.deep.equal(lines(elements));
    expect(terse.digest).to.equal(full.digest);
    expect(terse.elements.size).to.equal(0);
  }

  /** What the nft step of a plan leads to. */
  async function become(desired: HostState, observed: HostState, name: string): Promise<void> {
    for (const step of plan(diff(desired, observed), desired)) if (step.kind === 'nft') await nft(step.script);
    expect(linesOf((await list(name)).elements)).to.deep.equal(elementLines(desired).sort());
  }

  it("loads the relay's table and lists the same elements, in both families", () =>
    fc.assert(
      fc.asyncProperty(anyGuard, anyMapped, relayElements, (guard, mapped, elements) =>
        roundTrip(relayTable(guard, mapped), elements),
      ),
      { numRuns: 6 },
    ));

  it("loads the backend's table and lists the same elements, in both families", () =>
    fc.assert(
      fc.asyncProperty(anySlots, backendElements, anyGuard, (slots, elements, guard) =>
        roundTrip(backendTable(slots, guard), elements),
      ),
      { numRuns: 6 },
    ));

  it('leads the relay from any forwards to any others in one script', () =>
    fc.assert(
      fc.asyncProperty(anySpecs, anySpecs, async (before, after) => {
        await become(relayOf(before), new Map(), 'homeward_relay');
        await become(relayOf(after), relayOf(before), 'homeward_relay');
      }),
      { numRuns: 6 },
    ));

  it('leads the backend from any forwards and sockets to any others in one script', () =>
    fc.assert(
      fc.asyncProperty(
        ...([anySpecs, fc.subarray(SOCKETS), anySpecs, fc.subarray(SOCKETS)] as const),
        async (before, sockets, after, others) => {
          const first = backendOf(before, sockets);
          await become(first, new Map(), 'homeward_backend');
          await become(backendOf(after, others), first, 'homeward_backend');
        },
      ),
      { numRuns: 6 },
    ));

  it('keeps the digest over a reload and over changes of elements, and loses it with a rule', async () => {
    const mapped = [{ index: 1, key: 4711, remote: parseIpv4('203.0.113.9') }];
    const neighbours = ['10.8.0.0/24', '0.0.0.0/32', 'fd00:8::/64', '::/128'].map(parsePrefix);
    const shared = { ...tableSlot(2), link: parseLinkName('tun0'), shared: { neighbours } };
    for (const [table, set, key, value] of [
      [relayTable({ ipv4: ['eth0'], ipv6: ['eth0', 'eth1'] }, mapped), 'any-range6', 'tcp . 1024-65535', 'fd77:16::2'],
      [backendTable([tableSlot(1), shared], NO_GUARD), 'source-pin6', '2000::/3', '2001:db8::9'],
    ] as const) {
      const element: NftElement = { kind: 'nft-element', table: table.name, set, key, value };
      await load(table, []);
      const { digest } = await list(table.name);
      await load(table, [element]);
      expect((await list(table.name)).digest).to.equal(digest);
      expect((await list(table.name, '-t')).digest).to.equal(digest);
      await inside.run(command('nft', ['flush', 'chain', 'inet', table.name, 'keep-source']));
      expect((await list(table.name, '-t')).digest).to.not.equal(digest);
    }
  });

  it('moves an element of a map to another target in one script, a single port and a range', async () => {
    const table = relayTable(NO_GUARD);
    for (const [set, key, from, to] of [
      ['any4', 'udp . 53', '10.77.16.2 . 53', '10.77.16.3 . 5353'],
      ['any-range6', 'udp . 5000-5999', 'fd77:16::2', 'fd77:16::3'],
    ] as const) {
      const element = (value: string): NftElement => ({ kind: 'nft-element', table: table.name, set, key, value });
      await load(table, [element(from)]);
      await nft(renderNft({ replace: [], remove: [], deleteElements: [element(from)], addElements: [element(to)] }));
      expect(linesOf((await list(table.name)).elements)).to.deep.equal([`${set} { ${key} : ${to} }`]);
    }
  });

  it('widens and narrows a range in one script', async () => {
    const table = relayTable(NO_GUARD);
    const range = (ports: string): NftElement => ({
      ...{ kind: 'nft-element', table: table.name, set: 'any-range4' },
      ...{ key: `tcp . ${ports}`, value: '10.77.16.2' },
    });
    const widths = ['5000-5999', '4000-6999', '5500-5599', '1-65535', '5000-5999'];
    await load(table, [range(widths[0] ?? '')]);
    for (const [index, next] of widths.slice(1).entries()) {
      const deleteElements = [range(widths[index] ?? '')];
      await nft(renderNft({ replace: [], remove: [], deleteElements, addElements: [range(next)] }));
      expect(linesOf((await list(table.name)).elements)).to.deep.equal([`any-range4 { tcp . ${next} : 10.77.16.2 }`]);
    }
  });
});
