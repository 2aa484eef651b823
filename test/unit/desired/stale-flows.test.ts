/** Which UDP flows are led elsewhere by a change, on either side. */

import { backendStaleFlows } from '@homeward/agent/desired/stale-flows';
import { relayStaleFlows } from '@homeward/controller/desired/stale-flows';
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
const text = (flows: ReturnType<typeof relayStaleFlows>) => flows.map(({ address, port }) => `${address}:${port}`);

describe('desired/stale-flows', () => {
  const machine = snapshotOf({ lo: ['127.0.0.1/8'], eth0: ['198.51.100.1/24', '198.51.100.9/24'] }, []);
  const relay = (before: readonly Words[], after: readonly Words[]) =>
    text(relayStaleFlows(changes(before, after), machine));
  const backend = (before: readonly Words[], after: readonly Words[], pinned: readonly string[] = []) =>
    text(backendStaleFlows(changes(before, after), pinned));

  it('are at the relay those of a port that is added, moved or removed, on each of its addresses', () => {
    const [here, there]: Words[] = [
      ['any4', 'udp . 53', '10.77.16.2 . 53'],
      ['any4', 'udp . 53', '10.77.16.3 . 53'],
    ];
    const all = ['198.51.100.1:53', '198.51.100.9:53'];
    if (here === undefined || there === undefined) throw new Error('two are needed');
    expect(relay([here], [there])).to.deep.equal(all);
    expect(relay([], [here])).to.deep.equal(all);
    expect(relay([here], [])).to.deep.equal(all);
    expect(relay([here], [here])).to.deep.equal([]);
  });

  it('are at the relay those of one address for a forward of it, and none of TCP', () => {
    expect(relay([], [['exact4', '198.51.100.9 . udp . 53', '10.77.16.2 . 53']])).to.deep.equal(['198.51.100.9:53']);
    expect(relay([], [['exact4', '198.51.100.9 . tcp . 53', '10.77.16.2 . 53']])).to.deep.equal([]);
    expect(relay([['any4', 'tcp . 443', '10.77.16.2 . 443']], [['bytes-in', '10.77.16.2 . udp . 53']])).to.deep.equal(
      [],
    );
  });

  it('are at the backend those of a port that is delivered otherwise', () => {
    const pin: Words = ['pinned4', 'hw1 . 10.77.16.2 . 53'];
    const redirected: Words = ['redirected4', 'hw1 . 10.77.16.2 . udp . 53', '192.168.1.2 . 53'];
    expect(new Set(backend([pin], [redirected]))).to.deep.equal(new Set(['10.77.16.2:53']));
    expect(backend([], [pin])).to.deep.equal(['10.77.16.2:53']);
    expect(backend([['redirected4', 'hw1 . 10.77.16.2 . tcp . 53', '192.168.1.2 . 53']], [])).to.deep.equal([]);
  });

  it('are at the backend those of every pinned port when a source address changes', () => {
    const pinned = ['hw1 . 10.77.16.2 . 53', 'hw2 . 10.99.0.2 . 123'];
    const moved = backend(
      [['source-pin4', '0.0.0.0/0', '192.168.1.2']],
      [['source-pin4', '0.0.0.0/0', '192.168.1.3']],
      pinned,
    );
    expect(moved).to.deep.equal(['10.77.16.2:53', '10.99.0.2:123']);
    expect(backend([], [['allowed4', 'hw1 . 10.77.16.2 . udp . 53']], pinned)).to.deep.equal([]);
  });
});
