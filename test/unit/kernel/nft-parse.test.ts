/** Recorded listings of nft: the elements in canonical form, and a digest of the skeleton alone. */

import { parseNftSet, parseNftTable, parseTableNames } from '@homeward/shared/kernel/nft-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { recorded } from './recorded.js';

type Json = { nftables: Record<string, Record<string, unknown>>[] };

/** The recording with each object changed, or left out by null. */
function edited(name: string, edit: (object: Json['nftables'][number]) => Json['nftables'][number] | null): string {
  const json: Json = JSON.parse(recorded(name));
  return JSON.stringify({ nftables: json.nftables.flatMap((object) => edit(object) ?? []) });
}

const digestOf = (json: string): string => parseNftTable(json).digest;
const BACKEND = 'backend-table.json';
const before = digestOf(recorded(BACKEND));

describe('kernel/nft-parse', () => {
  it('lists the tables of family inet', () => {
    expect(parseTableNames(recorded('tables.json'))).to.deep.equal(['homeward_backend', 'homeward_relay', 'other']);
  });

  it('gives the elements in the notation they were added in', () => {
    const lines = parseNftTable(recorded(BACKEND)).elements.map(
      ({ set, key, value }) => `${set} { ${key}${value === null ? '' : ` : ${value}`} }`,
    );
    expect(lines.sort()).to.deep.equal([
      'allowed4 { hw1 . 10.77.16.2 . tcp . 443 }',
      'allowed4 { hw1 . 10.77.16.2 . udp . 53 }',
      'echo4 { hw1 . 10.77.16.2 . tcp . 40404 }',
      'impossible-sources { 0.0.0.0/8 }',
      'impossible-sources { 172.17.0.9 }',
      'impossible-sources { 192.168.1.0/24 }',
      'impossible-sources { 224.0.0.0/3 }',
      'pinned4 { hw1 . 10.77.16.2 . 53 }',
      'redirected4 { hw1 . 10.77.16.2 . tcp . 8080 : 192.168.1.99 . 80 }',
      'source-pin4 { 0.0.0.0-192.168.0.255 : 203.0.113.9 }',
      'source-pin4 { 192.168.1.0/24 : 192.168.1.2 }',
      'source-pin4 { 192.168.2.0-255.255.255.255 : 203.0.113.9 }',
      'tunnels { hw1 }',
      'tunnels { hw2 }',
    ]);
  });

  it('gives elements with a counter like those without', () => {
    const elements = parseNftTable(recorded('relay-table.json')).elements;
    expect(elements).to.deep.include({ set: 'bytes-in', key: '10.77.16.2 . tcp . 443', value: null });
    expect(elements).to.deep.include({ set: 'exact4', key: '198.51.100.1 . tcp . 25', value: '10.77.16.2 . 25' });
  });

  it('leaves out sets whose elements time out, which the packets fill', () => {
    expect(parseNftTable(recorded('timed-set.json')).elements).to.deep.equal([]);
  });

  it('counts bytes by element', () => {
    const counted = parseNftSet(recorded('counted-set.json')).map(({ key, bytes }) => ({ key, bytes }));
    expect(counted).to.have.deep.members([
      { key: '10.77.16.2 . udp . 53', bytes: 180 },
      { key: '10.77.16.2 . tcp . 443', bytes: 0 },
    ]);
  });

  it('gives sightings with their link', () => {
    expect(parseNftSet(recorded('timed-set.json')).map(({ key }) => key)).to.deep.equal([
      '192.0.2.2 . 41000 . tcp . hw1',
    ]);
  });

  it('keeps the digest when handles, elements and counters change, and for another version of nft', () => {
    const moved = edited(BACKEND, (object) => {
      if ('metainfo' in object) return { metainfo: { ...object['metainfo'], version: '1.1.3' } };
      return Object.fromEntries(
        Object.entries(object).map(([kind, body]) => [
          kind,
          { ...body, handle: 4711, ...(kind === 'set' || kind === 'map' ? { elem: [] } : {}) },
        ]),
      );
    });
    expect(digestOf(moved)).to.equal(before);
    const counted = recorded(BACKEND).replace('"counter": null', '"counter": {"packets": 7, "bytes": 900}');
    expect(counted).to.not.equal(recorded(BACKEND));
    expect(digestOf(counted)).to.equal(before);
  });

  it('changes the digest when any rule, chain or set is gone', () => {
    const { nftables }: Json = JSON.parse(recorded(BACKEND));
    const objects = nftables.slice(2);
    expect(objects.length).to.be.above(30);
    for (const gone of objects) {
      const without = JSON.stringify({ nftables: nftables.filter((object) => object !== gone) });
      expect(digestOf(without), JSON.stringify(gone)).to.not.equal(before);
    }
  });

  const EDITS: Readonly<Record<string, readonly [string, string]>> = {
    'a link name': ['"right": "hw1"', '"right": "eth0"'],
    'a mark': ['16777216', '33554432'],
    'a verdict': ['"drop": null', '"accept": null'],
    'a hook priority': ['"prio": 300', '"prio": 301'],
    'a policy': ['"policy": "accept"', '"policy": "drop"'],
    'a set of another name': ['@allowed4', '@echo4'],
  };
  for (const [what, [from, to]] of Object.entries(EDITS)) {
    it(`changes the digest when ${what} was edited`, () => {
      const changed = recorded(BACKEND).replace(from, to);
      expect(changed).to.not.equal(recorded(BACKEND));
      expect(digestOf(changed)).to.not.equal(before);
    });
  }

  it('changes the digest when a rule adds something else to a set', () => {
    const changed = edited(BACKEND, (object) =>
      object['rule']?.['chain'] === 'seen-postrouting'
        ? JSON.parse(JSON.stringify(object).replaceAll('"oifname"', '"iifname"'))
        : object,
    );
    expect(digestOf(changed)).to.not.equal(before);
  });

  it('refuses what is not a listing', () => {
    for (const text of ['', '{}', '[]', '{"nftables": {}}', 'Error: syntax error']) {
      expect(() => parseNftTable(text), text).to.throw();
    }
  });
});
