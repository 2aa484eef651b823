/** Offered specs: each read once, and one that cannot be read spoils no other. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('daemon/forward-reader', () => {
  it('reads what it can, in the order of the offer, and says of the rest why not', () => {
    const read = createForwardReader();
    expect(read('A', ['443/tcp', 'nonsense', '80=[fd00::9]/udp'])).to.deep.equal([
      { spec: '443/tcp', forward: parseForward('443/tcp') },
      { spec: 'nonsense', problem: 'forward "nonsense" lacks the protocol' },
      { spec: '80=[fd00::9]/udp', forward: parseForward('80=[fd00::9]/udp') },
    ]);
    expect(read('A', [])).to.deep.equal([]);
  });

  it('gives the very forward again that the offer before had', () => {
    const read = createForwardReader();
    const [first] = read('A', ['443/tcp', '80/tcp']);
    const again = read('A', ['53/udp', '443/tcp']);
    expect(again[1]).to.equal(first);
    expect(again[0]).to.deep.equal({ spec: '53/udp', forward: parseForward('53/udp') });
  });

  it('remembers each relay for itself, and no longer than its last offer', () => {
    const read = createForwardReader();
    const [ours] = read('A', ['443/tcp']);
    const [theirs] = read('B', ['443/tcp']);
    expect(theirs).to.deep.equal(ours);
    expect(theirs).to.not.equal(ours);
    expect(read('A', ['443/tcp'])[0]).to.equal(ours);
    read('A', []);
    expect(read('A', ['443/tcp'])[0]).to.not.equal(ours);
    expect(read('B', ['443/tcp'])[0]).to.equal(theirs);
  });
});
