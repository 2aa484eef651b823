/** `enroll --allow`: what is added to the policy file, and what stays. */

import { readFile, stat, writeFile } from 'node:fs/promises';
import { readPolicy, refusalReason } from '@homeward/agent/policy';
import { allowInPolicy } from '@homeward/agent/policy-file';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';

describe('policy file', () => {
  const path = temporaryDirectory();
  const content = async () => JSON.parse(await readFile(path('etc/policy.json'), 'utf8'));
  const isAllowed = async (spec: string) =>
    refusalReason(await readPolicy(path('etc/policy.json')), parseForward(spec), { sshPorts: [22], addresses: [] }) ===
    null;

  it('is not made when nothing is to be allowed', async () => {
    await allowInPolicy(path('etc/policy.json'), [], []);
    expect(await rejectionOfStat(path('etc'))).to.equal('ENOENT');
  });

  it('keeps all other ports allowed when SSH is the first one added', async () => {
    await allowInPolicy(path('etc/policy.json'), ['22/tcp'], []);
    for (const spec of ['22/tcp', '443/tcp', '53/udp', '65535/tcp']) expect(await isAllowed(spec), spec).to.equal(true);
  });

  it('adds to what is there, each once, and keeps the rest', async () => {
    await allowInPolicy(path('etc/policy.json'), ['443/tcp'], []);
    await writeFile(path('etc/policy.json'), '{"ports": ["443/tcp"], "tunnels": ["wireguard"]}');
    await allowInPolicy(path('etc/policy.json'), ['22/tcp', '443/tcp'], ['192.168.1.0/24']);
    expect(await content()).to.deep.equal({
      ports: ['443/tcp', '22/tcp'],
      lan: ['192.168.1.0/24'],
      tunnels: ['wireguard'],
    });
  });

  it('adds IPv6 prefixes as IPv4 ones, and wide ranges of ports', async () => {
    await allowInPolicy(path('etc/policy.json'), ['1024-65535/udp'], ['fd00:1::/64', '192.168.1.0/24']);
    expect((await content()).lan).to.deep.equal(['fd00:1::/64', '192.168.1.0/24']);
    for (const spec of ['80=[fd00:1::9]/tcp', '80=192.168.1.9/tcp', '1024-65535/udp']) {
      expect(await isAllowed(spec), spec).to.equal(true);
    }
    expect(await isAllowed('80=[fd00:2::9]/tcp')).to.equal(false);
  });

  it('leaves ports alone when only a prefix is added', async () => {
    await allowInPolicy(path('etc/policy.json'), [], ['192.168.1.0/24']);
    expect(await content()).to.deep.equal({ lan: ['192.168.1.0/24'] });
  });

  it('writes nothing that it could not read', async () => {
    await allowInPolicy(path('etc/policy.json'), ['443/tcp'], []);
    const before = await content();
    for (const [ports, lan] of [
      [['22'], []],
      [['80=81/tcp'], []],
      [[], ['nas']],
      [[], ['fd00::/129']],
    ] as const) {
      expect((await rejectionOf(allowInPolicy(path('etc/policy.json'), ports, lan))).code).to.equal('bad-input');
    }
    expect(await content()).to.deep.equal(before);
  });

  it('does not write over a file that is no policy', async () => {
    await allowInPolicy(path('etc/policy.json'), ['443/tcp'], []);
    for (const text of ['{"port": []}', '{"ports": ']) {
      await writeFile(path('etc/policy.json'), text);
      expect((await rejectionOf(allowInPolicy(path('etc/policy.json'), ['22/tcp'], []))).code).to.equal('bad-input');
      expect(await readFile(path('etc/policy.json'), 'utf8')).to.equal(text);
    }
  });
});

async function rejectionOfStat(path: string): Promise<string | undefined> {
  return stat(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}
