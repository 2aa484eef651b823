/** nft scripts as text: one transaction, deletions before additions, long lists in several lines. */

import { nftTable, renderNft } from '@homeward/shared/kernel/nft-render';
import type { NftElement } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const EMPTY = { replace: [], remove: [], addElements: [], deleteElements: [] };

function element(set: string, key: string, value: string | null = null): NftElement {
  return { kind: 'nft-element', table: 'homeward_relay', set, key, value };
}

describe('kernel/nft-render', () => {
  it('makes no script of nothing', () => {
    expect(renderNft(EMPTY)).to.equal('');
  });

  it('renders a whole transaction', () => {
    const script = renderNft({
      remove: ['homeward_backend'],
      replace: [nftTable('homeward_relay', 'map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }')],
      addElements: [
        element('any4', 'tcp . 443', '10.77.16.2 . 443'),
        element('bytes-in', '10.77.16.2 . tcp . 443'),
        element('any4', 'udp . 53', '10.77.16.3 . 53'),
      ],
      deleteElements: [element('any4', 'tcp . 80', '10.77.16.2 . 80')],
    });
    expect(script.split('\n')).to.deep.equal([
      'delete table inet homeward_backend',
      'table inet homeward_relay {}',
      'delete table inet homeward_relay',
      'table inet homeward_relay {',
      'map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }',
      '}',
      'delete element inet homeward_relay any4 { tcp . 80 }',
      'add element inet homeward_relay any4 { tcp . 443 : 10.77.16.2 . 443, udp . 53 : 10.77.16.3 . 53 }',
      'add element inet homeward_relay bytes-in { 10.77.16.2 . tcp . 443 }',
      '',
    ]);
  });

  it('never flushes', () => {
    const script = renderNft({ ...EMPTY, replace: [nftTable('homeward_relay', '')], remove: ['homeward_backend'] });
    expect(script).to.not.include('flush');
  });

  it('cuts long lists and loses nothing', () => {
    const keys = Array.from({ length: 1201 }, (_, index) => `tcp . ${index + 1}`);
    const script = renderNft({ ...EMPTY, addElements: keys.map((key) => element('any4', key, '10.77.16.2 . 1')) });
    const lines = script.trimEnd().split('\n');
    expect(lines).to.have.lengthOf(3);
    const rendered = lines.flatMap((line) =>
      line.replace(/^add element inet homeward_relay any4 \{ | \}$/g, '').split(', '),
    );
    expect(rendered).to.deep.equal(keys.map((key) => `${key} : 10.77.16.2 . 1`));
  });

  it('tells skeletons apart by their text alone', () => {
    expect(nftTable('a', 'chain x {\n}').fingerprint).to.equal(nftTable('b', 'chain x {\n}').fingerprint);
    expect(nftTable('a', 'chain x {\n}').fingerprint).to.not.equal(nftTable('a', 'chain y {\n}').fingerprint);
  });
});
