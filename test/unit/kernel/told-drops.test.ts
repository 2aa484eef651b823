/** What is told of rules that nft does not print as iptables knows them; the listings are of nft 1.0.6 and iptables 1.8.9. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Runner } from '@homeward/shared/host/runner';
import { ruleAt } from '@homeward/shared/kernel/iptables-words';
import { toldDrops } from '@homeward/shared/kernel/told-drops';
import type { TracedDrop } from '@homeward/shared/kernel/trace-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

/** Where both programs know the chain `clash`, and nothing else. */
const runner: Runner = {
  hasStarted: () => false,
  async run({ file, args }) {
    if (args.at(-1) === 'clash') return recorded(file === 'nft' ? 'tproxy-chain.json' : 'tproxy-chain.txt');
    throw new RelayError('command-failed', 'no such chain');
  },
};

const traced: TracedDrop = {
  ...{ clientPort: 36001, direction: 'reply', table: 'ip mangle', chain: 'clash', rule: 'tcp dport 36001' },
  ...{ handle: 2, unsaid: 'accept' },
};

const told = async (change: Partial<TracedDrop>) =>
  (await toldDrops(runner, [{ ...traced, ...change }])).map(({ rule }) => rule);

describe('kernel/told-drops', () => {
  it('tells a proxy’s rule in iptables’ words, where its verdict is not among nft’s', async () => {
    const words = '--on-port 7893 --on-ip 0.0.0.0 --tproxy-mark 0x29a/0xffffffff';
    expect(await told({})).to.deep.equal([`-A clash -p tcp -m tcp --dport 36001 -j TPROXY ${words}`]);
    expect(await told({ handle: 3, unsaid: 'drop' })).to.deep.equal([
      `-A clash -p udp -m udp --dport 36004 -j TPROXY ${words}`,
    ]);
  });

  it('tells nft’s words where iptables knows no such chain, or they say all', async () => {
    expect(await told({ chain: 'other', rule: 'xt target TPROXY' })).to.deep.equal(['xt target TPROXY']);
    expect(await told({ chain: 'other', rule: 'tcp dport 80', unsaid: 'drop' })).to.deep.equal(['tcp dport 80']);
    expect(await told({ rule: 'tcp dport 80 drop', unsaid: null })).to.deep.equal(['tcp dport 80 drop']);
    expect(await told({ rule: null, handle: null, unsaid: null })).to.deep.equal([null]);
  });

  it('tells nothing of what was accepted by something that is no proxy', async () => {
    expect(await told({ chain: 'other' })).to.deep.equal([]);
  });

  it('asks iptables for no name that it could take for an option', async () => {
    expect(await told({ table: 'ip -F', rule: 'tproxy to :1' })).to.deep.equal(['tproxy to :1']);
  });

  it('gives no rule where the listings differ in their number', () => {
    expect(ruleAt(2, recorded('tproxy-chain.json'), '-N clash\n-A clash -j TPROXY\n')).to.equal(null);
    expect(ruleAt(9, recorded('tproxy-chain.json'), recorded('tproxy-chain.txt'))).to.equal(null);
  });
});
