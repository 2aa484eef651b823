/** Marks that rules of others use, as nft 1.0.6 lists them, iptables' rules among them. */

import { markClaims } from '@homeward/shared/kernel/mark-claims';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

const claims = markClaims(recorded('ruleset-marks.txt'), ['homeward_backend']);
const valuesOf = (table: string) => claims.filter((claim) => claim.table === table).map(({ value }) => value);

describe('kernel/mark-claims', () => {
  it('are what iptables sets and looks for, and no masks', () => {
    expect(valuesOf('ip mangle')).to.deep.equal([
      ...[0x100, 0x4000, 0x6f0_0000],
      ...[0x100_0000, 0x100_0000, 0x900_0000, 0xca6c],
    ]);
  });

  it('are single values, sets, prefixes and both ends of a range in nft, and neither ports nor comments', () => {
    expect(valuesOf('inet x')).to.deep.equal([0x1000_0000, 0x11ff_ffff, 0x300_0000, 0x1, 0x200_0000, 0x200_0000]);
  });

  it('are none of our own tables, and tell the chain of others', () => {
    expect(claims.filter(({ table }) => table.includes('homeward'))).to.deep.equal([]);
    expect(claims[0]).to.deep.equal({ value: 0x100, table: 'ip mangle', chain: 'h' });
  });
});
