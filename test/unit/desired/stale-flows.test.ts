/** Which UDP flows are led elsewhere by a change, on either side. */

import { backendStaleFlows } from '@homeward/agent/desired/stale-flows';
import { relayStaleFlows } from '@homeward/controller/desired/stale-flows';
import type { StaleFlows } from '@homeward/shared/kernel/stale-flows';
import { formatPortRange } from '@homeward/shared/net/port';
import { diff } from '@homeward/shared/reconcile/diff';
import { hostState } from '@homeward/shared/state/host-state';
import type { NftElement, NftTable } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { snapshotOf } from '../kernel/snapshots.js';

type Words = readonly [set: string, key: string, value?: string];

/** Changes from the first elements to the second. */
function changes(before: readonly Words[], after: readonly Words[]) {
  const state = (words: readonly Words[]) =>
    hostState(
      words.map(
        ([set, key, value]): NftElement => ({ kind: 'nft-element', table: 't', set, key, value: value ?? null }),
      ),
    );
  return diff(state(after), state(before));
}
const text = (flows: readonly StaleFlows[]) =>
  flows.flatMap((stale) =>
    stale.kind === 'led' ? [`${stale.address} ${formatPortRange(stale.ports)} to ${stale.ledTo}`] : [],
  );
const unaskedText = (flows: readonly StaleFlows[]) =>
  flows.flatMap((stale) =>
    stale.kind === 'unasked' ? [`${stale.address} ${formatPortRange(stale.ports)} for ${stale.arrivesAt}`] : [],
  );

describe('desired/stale-flows', () => {
  const machine = snapshotOf(
    {
      lo: ['127.0.0.1/8', '::1/128'],
      eth0: ['198.51.100.1/24', '198.51.100.9/24', '2001:db8::1/64', 'fe80::1/64'],
      hw0: ['10.77.16.1/20'],
    },
    [],
  );
  const relay = (before: readonly Words[], after: readonly Words[]) =>
    text(relayStaleFlows(changes(before, after), machine));
  const backend = (
    before: readonly Words[],
    after: readonly Words[],
    present: Readonly<Record<string, readonly (readonly [string, string?])[]>> = {},
  ) => text(backendFlows(before, after, present));
  const backendFlows = (
    before: readonly Words[],
    after: readonly Words[],
    present: Readonly<Record<string, readonly (readonly [string, string?])[]>> = {},
  ) =>
    backendStaleFlows(
      changes(before, after),
      new Map(
        Object.entries(present).map(([set, entries]) => [
          set,
          new Map(entries.map(([key, value]) => [key, value ?? null])),
        ]),
      ),
    );

  it('are at the relay those of a port that is added, moved or removed, on each of its addresses', () => {
    const here: Words = ['any4', 'udp . 53', '10.77.16.2 . 53'];
    const there: Words = ['any4', 'udp . 53', '10.77.16.3 . 53'];
    const own = ['198.51.100.1', '198.51.100.9', '10.77.16.1'];
    const fromHere = own.map((address) => `${address} 53 to 10.77.16.2`);
    expect(relay([here], [there])).to.deep.equal(fromHere);
    expect(relay([here], [])).to.deep.equal(fromHere);
    // Before the forward they were this machine's own.
    expect(relay([], [here])).to.deep.equal(own.map((address) => `${address} 53 to ${address}`));
    expect(relay([here], [here])).to.deep.equal([]);
  });

  it("are at the relay those of the map's family alone", () => {
    expect(relay([], [['any6', 'udp . 53', 'fd77:16::2 . 53']])).to.deep.equal(['2001:db8::1 53 to 2001:db8::1']);
    expect(relay([], [['exact6', '2001:db8::1 . udp . 53', 'fd77:16::2 . 53']])).to.deep.equal([
      '2001:db8::1 53 to 2001:db8::1',
    ]);
  });

  it('are at the relay those of a whole range', () => {
    expect(relay([], [['any-range6', 'udp . 5000-5999', 'fd77:16::2']])).to.deep.equal([
      '2001:db8::1 5000-5999 to 2001:db8::1',
    ]);
    expect(relay([['range4', '198.51.100.9 . udp . 1024-65535', '10.77.16.2']], [])).to.deep.equal([
      '198.51.100.9 1024-65535 to 10.77.16.2',
    ]);
  });

  it('are at the relay those of one address for a forward of it, and none of TCP', () => {
    expect(relay([], [['exact4', '198.51.100.9 . udp . 53', '10.77.16.2 . 53']])).to.deep.equal([
      '198.51.100.9 53 to 198.51.100.9',
    ]);
    expect(relay([], [['exact4', '198.51.100.9 . tcp . 53', '10.77.16.2 . 53']])).to.deep.equal([]);
    expect(relay([], [['any-range4', 'tcp . 5000-5999', '10.77.16.2']])).to.deep.equal([]);
  });

  it('are at the relay those of TCP, too, where the table was missing', () => {
    const table: NftTable = { kind: 'nft-table', name: 'homeward_relay', body: '', fingerprint: '' };
    const element: NftElement = {
      ...{ kind: 'nft-element', table: 'homeward_relay', set: 'exact4' },
      ...{ key: '198.51.100.9 . tcp . 443', value: '10.77.16.2 . 443' },
    };
    const flows = relayStaleFlows(diff(hostState([table, element]), hostState([])), machine);
    expect(flows.map(({ transport }) => transport)).to.deep.equal(['tcp', 'tcp']);
    // Those that conntrack saw while it led nowhere, and those of which it missed packets.
    expect(text(flows)).to.deep.equal(['198.51.100.9 443 to 198.51.100.9', '198.51.100.9 443 to 10.77.16.2']);
  });

  it('are at the relay none of what merely counts', () => {
    const counting: Words[] = [
      ['bytes-in4', '10.77.16.2 . udp . 53'],
      ['range-bytes-out6', 'fd77:16::2 . udp . 5000-5999'],
    ];
    expect(relay([['any4', 'tcp . 443', '10.77.16.2 . 443']], counting)).to.deep.equal([]);
  });

  it('are at the backend those of a port or range that is delivered otherwise', () => {
    const pin: Words = ['pinned4', '10.77.16.2 . 53'];
    const redirected: Words = ['redirected4', '10.77.16.2 . udp . 53', '192.168.1.2 . 53'];
    const chosen = { 'source-pin4': [['1.0.0.0/8', '192.168.1.10'] as const] };
    // What gets a pin went to the tunnel address itself, what loses it to the address that was chosen.
    expect(backend([], [pin])).to.deep.equal(['10.77.16.2 53 to 10.77.16.2']);
    expect(backend([pin], [], chosen)).to.deep.equal(['10.77.16.2 53 to 192.168.1.10']);
    expect(new Set(backend([pin], [redirected], chosen))).to.deep.equal(
      new Set(['10.77.16.2 53 to 10.77.16.2', '10.77.16.2 53 to 192.168.1.10']),
    );
    expect(backend([redirected], [])).to.deep.equal(['10.77.16.2 53 to 192.168.1.2']);
    expect(backend([['redirected4', '10.77.16.2 . tcp . 53', '192.168.1.2 . 53']], [])).to.deep.equal([]);
    expect(backend([], [['pinned-ranges6', 'fd77:16::2 . 5000-5999']])).to.deep.equal([
      'fd77:16::2 5000-5999 to fd77:16::2',
    ]);
    expect(backend([], [['redirected-ranges6', 'fd77:16::2 . udp . 7000-7009', 'fd00:1::99']])).to.deep.equal([
      'fd77:16::2 7000-7009 to fd77:16::2',
    ]);
  });

  it('are at the backend those of everything pinned in a family to a source address that is no longer chosen', () => {
    const present = {
      pinned4: [['10.77.16.2 . 53'], ['10.77.16.3 . 123']] as const,
      'pinned-ranges4': [['10.77.16.2 . 5000-5999']] as const,
      pinned6: [['fd77:16::2 . 53']] as const,
    };
    const pin = (address: string): Words => ['source-pin4', '1.0.0.0-126.255.255.255', address];
    expect(backend([pin('192.168.1.2')], [pin('192.168.1.3')], present)).to.deep.equal([
      '10.77.16.2 53 to 192.168.1.2',
      '10.77.16.3 123 to 192.168.1.2',
      '10.77.16.2 5000-5999 to 192.168.1.2',
    ]);
    expect(backend([['source-pin6', '2000::/3', '2001:db8::9']], [], present)).to.deep.equal([
      'fd77:16::2 53 to 2001:db8::9',
    ]);
    expect(backend([], [['allowed4', '10.77.16.2 . udp . 53']], present)).to.deep.equal([]);
  });

  it('are at the backend also those that a service began itself, by the end to which clients are led anew', () => {
    const pin: Words = ['pinned4', '10.77.16.2 . 53'];
    const chosen = { 'source-pin4': [['1.0.0.0/8', '192.168.1.10'] as const] };
    const unasked = (...args: Parameters<typeof backendFlows>) => unaskedText(backendFlows(...args));
    expect(unasked([], [pin], chosen)).to.deep.equal(['192.168.1.10 53 for 10.77.16.2']);
    expect(unasked([], [pin, ['source-pin4', '1.0.0.0/8', '192.168.1.11']])).to.deep.equal([
      '192.168.1.11 53 for 10.77.16.2',
    ]);
    expect(unasked([pin], [], chosen)).to.deep.equal([]);
    const redirected: Words = ['redirected4', '10.77.16.2 . udp . 53', '192.168.1.2 . 5353'];
    expect(unasked([], [redirected])).to.deep.equal(['192.168.1.2 5353 for 10.77.16.2']);
    expect(unasked([redirected], [])).to.deep.equal([]);
    expect(unasked([], [['redirected-ranges6', 'fd77:16::2 . udp . 7000-7009', 'fd00:1::99']])).to.deep.equal([
      'fd00:1::99 7000-7009 for fd77:16::2',
    ]);
  });
});
