/** Real nft: every table and element that is rendered loads, and what is listed back is what was meant. */

import { backendTable } from '@homeward/agent/desired/backend-table';
import { relayTable } from '@homeward/controller/desired/relay-table';
import { command } from '@homeward/shared/host/command';
import { parseNftTable } from '@homeward/shared/kernel/nft-parse';
import { renderNft } from '@homeward/shared/kernel/nft-render';
import { MAX_SLOT, slotNumbers } from '@homeward/shared/net/allocation';
import { flattenPrefixes, intervalText } from '@homeward/shared/net/intervals';
import { parseIpv4 } from '@homeward/shared/net/ipv4';
import type { NftElement, NftTable } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { anyAddress, anyPrefix } from '../net/generators.js';
import { networkNamespace } from './network-namespace.js';

const anyPort = fc.integer({ min: 1, max: 65_535 });
const anyTransport = fc.constantFrom('tcp', 'udp');
const anyLinks = fc.constantFrom([], ['eth0'], ['br-12ab', 'eth0', 'wlan0.7']);
const anySlots = fc.uniqueArray(fc.integer({ min: 1, max: MAX_SLOT }), { minLength: 1, maxLength: 4 });
const text = (...parts: readonly fc.Arbitrary<unknown>[]) => fc.tuple(...parts).map((values) => values.join(' . '));

/** Elements of one set: key texts with a value for each, no key twice. */
function elementsOf(table: string, set: string, key: fc.Arbitrary<string>, value: fc.Arbitrary<string | null>) {
  return fc
    .uniqueArray(fc.tuple(key, value), { maxLength: 6, selector: ([chosen]) => chosen })
    .map((pairs) => pairs.map(([k, v]): NftElement => ({ kind: 'nft-element', table, set, key: k, value: v })));
}

const tableSlot = (slot: number) => ({ slot, tunnelAddress: parseIpv4(`10.77.16.${slot}`) });
const target = text(anyAddress, anyPort);
const nothing = fc.constant(null);

function relayElements(): fc.Arbitrary<NftElement[]> {
  const of = (set: string, key: fc.Arbitrary<string>, value: fc.Arbitrary<string | null>) =>
    elementsOf('homeward_relay', set, key, value);
  const counted = text(anyAddress, anyTransport, anyPort);
  return fc
    .tuple(
      of('exact4', counted, target),
      of('any4', text(anyTransport, anyPort), target),
      of('bytes-in', counted, nothing),
      of('bytes-out', counted, nothing),
    )
    .map((lists) => lists.flat());
}

/** Disjoint intervals as the backend makes them of prefixes. */
function intervals(set: string, values: fc.Arbitrary<string | null>): fc.Arbitrary<NftElement[]> {
  return fc.array(fc.record({ prefix: anyPrefix, value: values }), { maxLength: 6 }).map((entries) =>
    flattenPrefixes(entries).map((piece) => ({
      kind: 'nft-element',
      table: 'homeward_backend',
      set,
      key: intervalText(piece),
      value: piece.value,
    })),
  );
}

function backendElements(slots: readonly number[]): fc.Arbitrary<NftElement[]> {
  const of = (set: string, key: fc.Arbitrary<string>, value: fc.Arbitrary<string | null>) =>
    elementsOf('homeward_backend', set, key, value);
  const link = fc.constantFrom(...slots.map((slot) => slotNumbers(slot).link));
  const arrival = text(link, anyAddress, anyTransport, anyPort);
  return fc
    .tuple(
      of('tunnels', link, nothing),
      of('allowed4', arrival, nothing),
      of('echo4', arrival, nothing),
      of('pinned4', text(link, anyAddress, anyPort), nothing),
      of('redirected4', arrival, target),
      intervals('impossible-sources', nothing),
      intervals('source-pin4', anyAddress),
    )
    .map((lists) => lists.flat());
}

const lines = (elements: readonly { set: string; key: string; value: string | null }[]) =>
  elements.map(({ set, key, value }) => `${set} { ${key}${value === null ? '' : ` : ${value}`} }`).sort();

describe('tables in nft', () => {
  const inside = networkNamespace();
  const load = (table: NftTable, addElements: readonly NftElement[]) =>
    inside.run(
      command('nft', ['-f', '-'], renderNft({ replace: [table], remove: [], deleteElements: [], addElements })),
    );
  const list = async (name: string) =>
    parseNftTable(await inside.run(command('nft', ['-j', '-s', 'list', 'table', 'inet', name])));

  async function roundTrip(table: NftTable, elements: readonly NftElement[]): Promise<void> {
    const script = renderNft({ replace: [table], remove: [], deleteElements: [], addElements: elements });
    await inside.run(command('nft', ['-c', '-f', '-'], script));
    await inside.run(command('nft', ['-f', '-'], script));
    expect(lines((await list(table.name)).elements)).to.deep.equal(lines(elements));
  }

  it("loads the relay's table and lists the same elements", () =>
    fc.assert(
      fc.asyncProperty(anyLinks, relayElements(), (links, elements) => roundTrip(relayTable(links), elements)),
      { numRuns: 20 },
    ));

  it("loads the backend's table and lists the same elements", () =>
    fc.assert(
      fc.asyncProperty(
        anySlots.chain((slots) => fc.tuple(fc.constant(slots), backendElements(slots))),
        anyLinks,
        ([slots, elements], links) => roundTrip(backendTable(slots.map(tableSlot), links), elements),
      ),
      { numRuns: 20 },
    ));

  it('keeps the digest over a reload and over changes of elements, and loses it with a rule', async () => {
    const table = relayTable(['eth0', 'eth1']);
    const element: NftElement = {
      kind: 'nft-element',
      table: table.name,
      set: 'any4',
      key: 'tcp . 443',
      value: '10.77.16.2 . 443',
    };
    await load(table, []);
    const { digest } = await list(table.name);
    await load(table, [element]);
    expect((await list(table.name)).digest).to.equal(digest);
    await inside.run(command('nft', ['flush', 'chain', 'inet', table.name, 'keep-source']));
    expect((await list(table.name)).digest).to.not.equal(digest);
  });

  it('moves a map element to another target in one script', async () => {
    const table = relayTable([]);
    const element = (value: string): NftElement => ({
      kind: 'nft-element',
      table: table.name,
      set: 'any4',
      key: 'udp . 53',
      value,
    });
    await load(table, [element('10.77.16.2 . 53')]);
    const script = renderNft({
      replace: [],
      remove: [],
      deleteElements: [element('10.77.16.2 . 53')],
      addElements: [element('10.77.16.3 . 5353')],
    });
    await inside.run(command('nft', ['-f', '-'], script));
    expect(lines((await list(table.name)).elements)).to.deep.equal(['any4 { udp . 53 : 10.77.16.3 . 5353 }']);
  });
});
