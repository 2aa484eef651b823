/** Real packets: from where a backend's GRE comes in UDP is taken down by the relay's table, and nobody else's is. */

import { mappingSet } from '@homeward/controller/desired/relay-sets';
import { relayTable } from '@homeward/controller/desired/relay-table';
import { command } from '@homeward/shared/host/command';
import { newestMapping } from '@homeward/shared/kernel/nft-mapping';
import { parseNftTable } from '@homeward/shared/kernel/nft-parse';
import { renderNft } from '@homeward/shared/kernel/nft-render';
import { parseIpv4 } from '@homeward/shared/net/address';
import { RELAY_TABLE } from '@homeward/shared/net/allocation';
import { expect } from 'chai';
import { before, beforeEach, describe, it } from 'mocha';
import { networkNamespace } from './network-namespace.js';

const [HOME, NAS, STRANGER] = ['203.0.113.9', '203.0.113.7', '203.0.113.66'];
const [HOME_KEY, NAS_KEY] = [0xffff_fffe, 7];

/** Sends GRE with a key (RFC 2890) in UDP: version 0, the key's flag, IPv4 inside. */
const SENDER = `
const { createSocket } = require('node:dgram');
const [from, port, key] = process.argv.slice(1);
const packet = Buffer.alloc(8);
packet.writeUInt32BE(0x20000800, 0);
packet.writeUInt32BE(Number(key), 4);
const socket = createSocket('udp4');
socket.bind(Number(port), from, () => socket.send(packet, 7700, '198.51.100.1', () => socket.close()));
`;

describe('mapped peers', () => {
  const inside = networkNamespace();
  const send = (from: string, port: number, key: number) =>
    inside.run(command(process.execPath, ['-e', SENDER, from, String(port), String(key)]));
  const seen = async (index: number, address: string) =>
    newestMapping(
      await inside.run(command('nft', ['-j', 'list', 'set', 'inet', RELAY_TABLE, mappingSet(index)])),
      address,
    );
  const table = relayTable({ ipv4: [], ipv6: [] }, [
    { index: 1, key: HOME_KEY, remote: parseIpv4(HOME) },
    { index: 2, key: NAS_KEY, remote: parseIpv4(NAS) },
  ]);
  const listed = async () =>
    parseNftTable(await inside.run(command('nft', ['-j', '-s', 'list', 'table', 'inet', RELAY_TABLE])));

  before(async () => {
    const addresses = ['198.51.100.1', HOME, NAS, STRANGER].map((address) => `address add ${address}/32 dev lo\n`);
    await inside.run(command('ip', ['-batch', '-'], `link set lo up\n${addresses.join('')}`));
  });
  beforeEach(() =>
    inside.run(
      command('nft', ['-f', '-'], renderNft({ replace: [table], remove: [], addElements: [], deleteElements: [] })),
    ),
  );

  it('are found at the port that their packets come from, each by its key', async () => {
    await Promise.all([send(HOME, 40_000, HOME_KEY), send(NAS, 53, NAS_KEY)]);
    expect([await seen(1, HOME), await seen(2, NAS)]).to.deep.equal([40_000, 53]);
  });

  it("are not found by another's key, nor from elsewhere", async () => {
    await Promise.all([send(HOME, 40_000, NAS_KEY), send(STRANGER, 40_001, HOME_KEY), send(NAS, 40_002, HOME_KEY)]);
    expect([await seen(1, HOME), await seen(1, STRANGER), await seen(2, NAS)]).to.deep.equal([null, null, null]);
  });

  it('change nothing that would be taken for drift', async () => {
    const before = await listed();
    await send(HOME, 40_000, HOME_KEY);
    const after = await listed();
    expect(after.digest).to.equal(before.digest);
    expect([...after.elements.keys()]).to.deep.equal([...before.elements.keys()]);
  });
});
