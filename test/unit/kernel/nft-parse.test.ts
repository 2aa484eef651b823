/** Recorded listings of nft: the elements in canonical form, and a digest of the skeleton alone. */

import { parseNftSet, parseNftTable, parseNftTables } from '@homeward/shared/kernel/nft-parse';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { linesOf } from './element-lines.js';
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
  it('parts a listing of all tables, each as if it had been listed alone', () => {
    const tables = parseNftTables(recorded('ruleset.json'));
    expect([...tables.keys()]).to.have.members(['homeward_backend', 'homeward_relay', 'other']);
    expect(tables.get('homeward_backend')?.digest).to.equal(before);
    expect(tables.get('homeward_relay')?.digest).to.equal(digestOf(recorded('relay-table.json')));
    for (const { elements } of tables.values()) expect(elements.size).to.equal(0);
    expect(parseNftTables('{"nftables": [{"metainfo": {"version": "1.0.6"}}]}').size).to.equal(0);
  });

  it('does not let one table stand in for another in a listing of all', () => {
    const json: Json = JSON.parse(recorded('ruleset.json'));
    const without = json.nftables.filter((object) => object['chain']?.['name'] !== 'keep-source');
    const tables = parseNftTables(JSON.stringify({ nftables: without }));
    expect(tables.get('homeward_backend')?.digest).to.not.equal(before);
    expect(tables.get('other')?.digest).to.equal(parseNftTables(recorded('ruleset.json')).get('other')?.digest);
  });

  it('knows protocols by their numbers, which nft prints where there is no /etc/protocols', () => {
    for (const name of [BACKEND, 'relay-table.json']) {
      const numbered = recorded(name).replaceAll('"tcp"', '6').replaceAll('"udp"', '17');
      expect(numbered).to.not.equal(recorded(name));
      expect(linesOf(parseNftTable(numbered).elements)).to.deep.equal(linesOf(parseNftTable(recorded(name)).elements));
    }
  });

  it('gives the elements in the notation they were added in', () => {
    const lines = linesOf(parseNftTable(recorded(BACKEND)).elements);
    const pins = lines.filter((line) => line.startsWith('source-pin'));
    expect(lines.filter((line) => !pins.includes(line))).to.deep.equal([
      'allowed-ranges4 { 10.77.16.2 . tcp . 5000-5999 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 5000-5999 }',
      'allowed-ranges4 { 10.77.16.2 . udp . 7000-7009 }',
      'allowed-ranges6 { fd77:16::2 . tcp . 5000-5999 }',
      'allowed-ranges6 { fd77:16::2 . udp . 5000-5999 }',
      'allowed4 { 10.77.16.2 . tcp . 443 }',
      'allowed4 { 10.77.16.2 . tcp . 8080 }',
      'allowed4 { 10.77.16.2 . udp . 53 }',
      'allowed6 { fd77:16::2 . tcp . 443 }',
      'allowed6 { fd77:16::2 . tcp . 80 }',
      'allowed6 { fd77:16::2 . udp . 53 }',
      'echo4 { 10.77.16.2 . tcp . 40404 }',
      'echo4 { 10.77.16.2 . udp . 40404 }',
      'echo6 { fd77:16::2 . tcp . 40404 }',
      'echo6 { fd77:16::2 . udp . 40404 }',
      'impossible-sources4 { 0.0.0.0/8 }',
      'impossible-sources4 { 127.0.0.0/8 }',
      'impossible-sources4 { 172.17.0.0/16 }',
      'impossible-sources4 { 192.168.1.0/24 }',
      'impossible-sources4 { 203.0.113.0/24 }',
      'impossible-sources4 { 224.0.0.0/3 }',
      'impossible-sources6 { 2001:db8:1::/64 }',
      'impossible-sources6 { ::/80 }',
      'impossible-sources6 { fd00:1::/64 }',
      'impossible-sources6 { fe80::/10 }',
      'impossible-sources6 { ff00::/8 }',
      'pinned-ranges4 { 10.77.16.2 . 5000-5999 }',
      'pinned-ranges6 { fd77:16::2 . 5000-5999 }',
      'pinned4 { 10.77.16.2 . 40404 }',
      'pinned4 { 10.77.16.2 . 53 }',
      'pinned6 { fd77:16::2 . 40404 }',
      'pinned6 { fd77:16::2 . 53 }',
      'redirected-ranges4 { 10.77.16.2 . udp . 7000-7009 : 192.168.1.99 }',
      'redirected4 { 10.77.16.2 . tcp . 8080 : 192.168.1.99 . 80 }',
      'redirected6 { fd77:16::2 . tcp . 80 : fd00:1::99 . 80 }',
      'tunnel-addresses4 { hw1 . 10.77.16.2 }',
      'tunnel-addresses6 { hw1 . fd77:16::2 }',
      'tunnels { hw1 }',
    ]);
    expect(pins).to.include.members([
      'source-pin4 { 10.9.0.0/16 : 192.168.1.2 }',
      'source-pin4 { 1.0.0.0-10.8.255.255 : 203.0.113.9 }',
      'source-pin6 { 2001:db8:9::/48 : fd00:1::2 }',
      'source-pin6 { 2000::-2001:db8:8:ffff:ffff:ffff:ffff:ffff : 2001:db8:1::9 }',
    ]);
  });

  it('gives elements with a counter like those without, ranges like single ports', () => {
    const lines = linesOf(parseNftTable(recorded('relay-table.json')).elements);
    expect(lines).to.include.members([
      'bytes-in4 { 10.77.16.2 . tcp . 443 }',
      'range-bytes-out6 { fd77:16::2 . tcp . 9000-9001 }',
      'exact4 { 198.51.100.1 . tcp . 25 : 10.77.16.2 . 25 }',
      'exact6 { 2001:db8::1 . tcp . 25 : fd77:16::2 . 25 }',
      'range4 { 198.51.100.1 . tcp . 6000-6099 : 10.77.16.2 }',
      'any-range6 { udp . 5000-5999 : fd77:16::2 }',
    ]);
  });

  it('gives addresses that nft writes with a dotted quad in their canonical form', () => {
    const elem = [
      { concat: ['::ffff:192.0.2.1', 'tcp', 443] },
      { prefix: { addr: '::192.0.2.0', len: 120 } },
      { range: ['::1', '::0.1.0.0'] },
      'eth0.100',
    ];
    const json = JSON.stringify({ nftables: [{ set: { name: 's', elem } }] });
    expect(linesOf(parseNftTable(json).elements)).to.have.members([
      's { ::ffff:c000:201 . tcp . 443 }',
      's { ::c000:200/120 }',
      's { ::1-::1:0 }',
      's { eth0.100 }',
    ]);
  });

  it('leaves out sets whose elements time out, which the packets fill', () => {
    expect(linesOf(parseNftTable(recorded('timed-set.json')).elements)).to.deep.equal([]);
  });

  it('counts bytes by element, of single ports and of ranges', () => {
    const counted = (name: string) => parseNftSet(recorded(name)).map(({ key, bytes }) => ({ key, bytes }));
    expect(counted('counted-set.json')).to.have.deep.members([
      { key: '10.77.16.2 . udp . 5353', bytes: 102 },
      { key: '10.77.16.2 . tcp . 443', bytes: 0 },
    ]);
    expect(counted('counted-ranges.json')).to.have.deep.members([
      { key: 'fd77:16::2 . udp . 5000-5999', bytes: 108 },
      { key: 'fd77:16::2 . tcp . 5000-5999', bytes: 0 },
    ]);
  });

  it('gives sightings with their link', () => {
    expect(parseNftSet(recorded('timed-set.json')).map(({ key }) => key)).to.deep.equal([
      '3fff:770::2 . 41000 . tcp . hw1',
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

  it('has the same digest for a listing without elements, which lists none', () => {
    const terse = edited(BACKEND, (object) =>
      Object.fromEntries(
        Object.entries(object).map(([kind, body]) => {
          const { elem: _, ...rest } = body;
          return [kind, kind === 'set' || kind === 'map' ? rest : body];
        }),
      ),
    );
    expect(digestOf(terse)).to.equal(before);
    expect(parseNftTable(terse).elements.size).to.equal(0);
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
    'a set of another name': ['@allowed-ranges6', '@echo6'],
    'a family': ['"right": "ipv6"', '"right": "ipv4"'],
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
