/** Where a backend's packets were last seen to come from, in a real kernel's set. */

import { command } from '@homeward/shared/host/command';
import { newestMapping } from '@homeward/shared/kernel/nft-mapping';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { networkNamespace } from './network-namespace.js';

const TABLE = `table inet mapped {}
delete table inet mapped
table inet mapped {
  set mapping-1 { type ipv4_addr . inet_service; size 64; flags dynamic, timeout; timeout 60s; }
}
`;

describe('kernel/nft-mapping', () => {
  const inside = networkNamespace();
  const list = () => inside.run(command('nft', ['-j', 'list', 'set', 'inet', 'mapped', 'mapping-1']));
  const see = (place: string, seconds: number) =>
    inside.run(command('nft', ['add', 'element', 'inet', 'mapped', 'mapping-1', `{ ${place} timeout ${seconds}s }`]));

  beforeEach(() => inside.run(command('nft', ['-f', '-'], TABLE)));

  it('is none where nothing was seen, or nothing of that address', async () => {
    expect(newestMapping(await list(), '203.0.113.9')).to.equal(null);
    await see('203.0.113.7 . 40000', 60);
    expect(newestMapping(await list(), '203.0.113.9')).to.equal(null);
  });

  it('is the one that lives longest, whatever the order and whoever else was seen', async () => {
    await see('203.0.113.9 . 40000', 20);
    await see('203.0.113.9 . 53', 50);
    await see('203.0.113.9 . 65535', 30);
    await see('203.0.113.7 . 41000', 60);
    expect(newestMapping(await list(), '203.0.113.9')).to.equal(53);
    expect(newestMapping(await list(), '203.0.113.7')).to.equal(41_000);
  });

  it('reads elements that live as long as the set says', async () => {
    await inside.run(
      command('nft', ['add', 'element', 'inet', 'mapped', 'mapping-1', '{ 203.0.113.9 . 40000, 203.0.113.8 . 1 }']),
    );
    expect(newestMapping(await list(), '203.0.113.9')).to.equal(40_000);
  });
});
