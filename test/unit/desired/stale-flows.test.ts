/** Which UDP flows are led elsewhere by a change, on either side. */

import { backendStaleFlows } from '@homeward/agent/desired/stale-flows';
import { relayStaleFlows } from '@homeward/controller/desired/stale-flows';
import { formatPortRange } from '@homeward/shared/net/port';
import { diff } from '@homeward/shared/reconcile/diff';
import { hostState } from '@homeward/shared/state/describe';
import type { NftElement } from '@homeward/shared/state/resources';
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
const text = (flows: ReturnType<typeof relayStaleFlows>) =>
  flows.map(({ address, ports }) => `${address} ${formatPortRange(ports)}`);

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
    present: Readonly<Record<string, string[]>> = {},
  ) =>
    text(
      backendStaleFlows(
        changes(before, after),
        new Map(Object.entries(present).map(([set, keys]) => [set, new Map(keys.map((key) => [key, null]))])),
      ),
    );

  it('are at the relay those of a port that is added, moved or removed, on each of its addresses', () => {
    const here: Words = ['any4', 'udp . 53', '10.77.16.2 . 53'];
    const there: Words = ['any4', 'udp . 53', '10.77.16.3 . 53'];
    const all = ['198.51.100.1 53', '198.51.100.9 53', '10.77.16.1 53'];
    expect(relay([here], [there])).to.deep.equal(all);
    expect(relay([], [here])).to.deep.equal(all);
    expect(relay([here], [])).to.deep.equal(all);
    expect(relay([here], [here])).to.deep.equal([]);
  });

  it("are at the relay those of the map's family alone", () => {
    expect(relay([], [['any6', 'udp . 53', 'fd77:16::2 . 53']])).to.deep.equal(['2001:db8::1 53']);
    expect(relay([], [['exact6', '2001:db8::1 . udp . 53', 'fd77:16::2 . 53']])).to.deep.equal(['2001:db8::1 53']);
  });

  it('are at the relay those of a whole range', () => {
    expect(relay([], [['any-range6', 'udp . 5000-5999', 'fd77:16::2']])).to.deep.equal(['2001:db8::1 5000-5999']);
    expect(relay([['range4', '198.51.100.9 . udp . 1024-65535', '10.77.16.2']], [])).to.deep.equal([
      '198.51.100.9 1024-65535',
    ]);
  });

  it('are at the relay those of one address for a forward of it, and none of TCP', () => {
    expect(relay([], [['exact4', '198.51.100.9 . udp . 53', '10.77.16.2 . 53']])).to.deep.equal(['198.51.100.9 53']);
    expect(relay([], [['exact4', '198.51.100.9 . tcp . 53', '10.77.16.2 . 53']])).to.deep.equal([]);
    expect(relay([], [['any-range4', 'tcp . 5000-5999', '10.77.16.2']])).to.deep.equal([]);
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
    expect(new Set(backend([pin], [redirected]))).to.deep.equal(new Set(['10.77.16.2 53']));
    expect(backend([], [pin])).to.deep.equal(['10.77.16.2 53']);
    expect(backend([['redirected4', '10.77.16.2 . tcp . 53', '192.168.1.2 . 53']], [])).to.deep.equal([]);
    expect(backend([], [['pinned-ranges6', 'fd77:16::2 . 5000-5999']])).to.deep.equal(['fd77:16::2 5000-5999']);
    expect(backend([], [['redirected-ranges6', 'fd77:16::2 . udp . 7000-7009', 'fd00:1::99']])).to.deep.equal([
      'fd77:16::2 7000-7009',
    ]);
  });

  it('are at the backend those of everything pinned in a family when a source address changes there', () => {
    const present = {
      pinned4: ['10.77.16.2 . 53', '10.77.16.3 . 123'],
      'pinned-ranges4': ['10.77.16.2 . 5000-5999'],
      pinned6: ['fd77:16::2 . 53'],
    };
    const pin = (address: string): Words => ['source-pin4', '1.0.0.0-126.255.255.255', address];
    expect(backend([pin('192.168.1.2')], [pin('192.168.1.3')], present)).to.deep.equal([
      '10.77.16.2 53',
      '10.77.16.3 123',
      '10.77.16.2 5000-5999',
    ]);
    expect(backend([], [['source-pin6', '2000::/3', '2001:db8::9']], present)).to.deep.equal(['fd77:16::2 53']);
    expect(backend([], [['allowed4', '10.77.16.2 . udp . 53']], present)).to.deep.equal([]);
  });
});
