/** The numbers claimed in the kernel: no two collide, and all rules come before other software's. */

import {
  isSlotLink,
  isSlotTable,
  MARK_MASK,
  MAX_SLOT,
  POOL_SPACE,
  PROBE_CLIENT_ADDRESS,
  PROBE_CLIENT_LINK,
  PROBE_LINK,
  PROBE_PREFIX,
  PROBE_RELAY_ADDRESS,
  RELAY_LINK,
  RULE_LANDING,
  RULE_NO_DEFAULT_ROUTE,
  slotNumbers,
} from '@homeward/shared/net/allocation';
import { ipv4PrefixContains, ipv4PrefixesOverlap } from '@homeward/shared/net/ipv4';
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
    expect(Math.max(...all)).to.be.below(RULE_LANDING);
    expect(RULE_LANDING).to.be.below(5210);
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

  it('has probe addresses that no pool can hold', () => {
    expect(ipv4PrefixesOverlap(PROBE_PREFIX, POOL_SPACE)).to.equal(false);
    for (const address of [PROBE_RELAY_ADDRESS, PROBE_CLIENT_ADDRESS]) {
      expect(ipv4PrefixContains(PROBE_PREFIX, address)).to.equal(true);
    }
  });
});
