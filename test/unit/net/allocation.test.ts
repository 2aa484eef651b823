/** The numbers claimed in the kernel: no two collide, and all rules come before other software's. */

import { FAMILIES, parseIp } from '@homeward/shared/net/address';
import {
  isHomewardLink,
  isProbeAddress,
  isSlotLink,
  isSlotTable,
  MARK_MASK,
  MAX_SLOT,
  POOL_SPACE,
  PROBE,
  PROBE_CLIENT_LINK,
  PROBE_LINK,
  RELAY_LINK,
  RULE_NO_DEFAULT_ROUTE,
  relayGreLink,
  slotNumbers,
  USUAL_RULE_PLACES,
} from '@homeward/shared/net/allocation';
import { parsePrefix, prefixContains, prefixesOverlap } from '@homeward/shared/net/prefix';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const slots = Array.from({ length: MAX_SLOT }, (_, index) => slotNumbers(index + 1));
const KINDS = ['ruleArrival', 'ruleReply', 'ruleLocal', 'ruleSource'] as const;

describe('net/allocation', () => {
  it('gives no two rules one priority, whatever their kinds and slots', () => {
    const all = slots.flatMap((slot) => KINDS.map((kind) => slot[kind]));
    expect(new Set(all).size).to.equal(all.length);
  });

  it('asks all slots for one kind of rule before any slot for the next', () => {
    KINDS.slice(1).forEach((kind, index) => {
      const before = KINDS[index] ?? 'ruleArrival';
      const lastBefore = Math.max(...slots.map((slot) => slot[before]));
      expect(lastBefore, `${before} before ${kind}`).to.be.below(Math.min(...slots.map((slot) => slot[kind])));
    });
  });

  it("stays below Tailscale's first rule (5210), the landing place last", () => {
    const all = slots.flatMap((slot) => KINDS.map((kind) => slot[kind]));
    expect(Math.max(...all)).to.be.below(USUAL_RULE_PLACES.landing);
    expect(USUAL_RULE_PLACES.landing).to.be.below(5210);
    expect(Math.min(...all)).to.be.above(0);
    expect(RULE_NO_DEFAULT_ROUTE).to.be.above(32_767);
  });

  it('gives each slot its own mark within the mask, its own link and table', () => {
    for (const { mark } of slots)
      expect((mark & MARK_MASK) >>> 0)
        .to.equal(mark)
        .and.not.equal(0);
    expect(new Set(slots.map(({ mark }) => mark)).size).to.equal(MAX_SLOT);
    expect(new Set(slots.map(({ link }) => link)).size).to.equal(MAX_SLOT);
    expect(slots.every(({ table, link }) => isSlotTable(table) && isSlotLink(link))).to.equal(true);
  });

  it("takes no other link or table for a slot's", () => {
    for (const name of [
      RELAY_LINK,
      PROBE_LINK,
      PROBE_CLIENT_LINK,
      'hw',
      'hw01',
      'hw256',
      'hw1a',
      'xhw1',
      'eth0',
      'hwg1',
    ]) {
      expect(isSlotLink(name), name).to.equal(false);
    }
    for (const table of [0, 253, 254, 255, 7700, 7956, 51_820]) expect(isSlotTable(table), `${table}`).to.equal(false);
  });

  it('knows the links of either side, and nobody else has such names', () => {
    const ours = [RELAY_LINK, PROBE_LINK, 'hw1', 'hw255', relayGreLink(1), relayGreLink(4093)];
    for (const name of ours) expect(isHomewardLink(name), name).to.equal(true);
    for (const name of ['lo', 'eth0', 'hw256', 'hwg', 'hwg0', 'hwg01', 'hwg1a', 'xhwg1', 'docker0'])
      expect(isHomewardLink(name), name).to.equal(false);
  });

  it('has probe addresses that no pool can hold, nor any network in use', () => {
    const pools = [POOL_SPACE, parsePrefix('fd00::/8')];
    for (const family of FAMILIES) {
      const { prefix, relay, client } = PROBE[family];
      for (const pool of pools) expect(prefixesOverlap(prefix, pool), family).to.equal(false);
      for (const address of [relay, client]) {
        expect(prefixContains(prefix, address)).to.equal(true);
        expect(isProbeAddress(address)).to.equal(true);
      }
      expect(relay).to.not.equal(client);
    }
    // For documentation alone (RFC 5737, RFC 9637): routed nowhere.
    const reserved = ['192.0.2.0/24', '3fff::/20'].map(parsePrefix);
    for (const family of FAMILIES) {
      expect(reserved.some((one) => prefixContains(one, PROBE[family].prefix.address))).to.equal(true);
    }
    for (const text of [
      '192.0.3.1',
      '203.0.113.7',
      '2001:db8::1',
      '3fff:771::1',
      '3fff:770:0:1::1',
      '::ffff:192.0.2.2',
    ]) {
      expect(isProbeAddress(parseIp(text)), text).to.equal(false);
    }
  });
});
