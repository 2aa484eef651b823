/** Where our rules stand beside those of others, as `ip -j rule` lists them. */

import { rulePlaces } from '@homeward/agent/desired/rule-places';
import { parseRules } from '@homeward/shared/kernel/iproute-parse';
import { USUAL_RULE_PLACES } from '@homeward/shared/net/allocation';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const LOCAL = { priority: 0, src: 'all', table: 'local' };
const MAIN = { priority: 32_766, src: 'all', table: 'main' };

const beside = (foreign: readonly object[], slots: readonly number[] = [1]) =>
  rulePlaces(parseRules(JSON.stringify([LOCAL, ...foreign, MAIN]), 'ipv4'), slots);

describe('desired/rule-places', () => {
  it('are the usual ones where nobody stands before them', () => {
    const tailscale = { priority: 5210, src: 'all', fwmark: '0x80000', fwmask: '0xff0000', table: 'main' };
    const ours = {
      priority: 4301,
      src: 'all',
      fwmark: '0x1000000',
      fwmask: '0xff000000',
      table: '7701',
      protocol: '177',
    };
    expect(beside([tailscale, ours]).ipv4).to.deep.equal(USUAL_RULE_PLACES);
  });

  it('are right before the first rule of others, no number twice', () => {
    const mwan3 = { priority: 1001, src: 'all', iif: 'eth0', table: '1' };
    const { ipv4, ipv6 } = beside([mwan3, { ...mwan3, priority: 2001 }], [1, 3]);
    expect(ipv4).to.deep.equal({ arrival: 992, reply: 996, landing: 1000 });
    expect(ipv6, 'the other family has no such rules').to.deep.equal(USUAL_RULE_PLACES);
  });

  it('go before a table with a name, a jump and a dead end of others, but not for what leads nowhere', () => {
    const rule = { priority: 100, src: 'all' };
    const isMoved = (more: object) => beside([{ ...rule, ...more }]).ipv4 !== USUAL_RULE_PLACES;
    expect([{ table: 'vpn' }, { goto: 32_766 }, { action: 'blackhole' }].map(isMoved)).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect([{ table: 'local' }, { l3mdev: null }, { nop: null }].map(isMoved)).to.deep.equal([false, false, false]);
  });

  it('are the usual ones where there is no room', () => {
    const first = (priority: number) => beside([{ priority, src: 'all', table: '1' }]).ipv4;
    expect(first(5)).to.deep.equal({ arrival: 0, reply: 2, landing: 4 });
    expect(first(4)).to.deep.equal(USUAL_RULE_PLACES);
  });
});
