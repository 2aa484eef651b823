/** The ledger: durable, and void after another boot or in another network namespace. */

import { createJsonFile } from '@homeward/shared/host/json-file';
import { type LedgerRecord, ledgerSchema, openLedger } from '@homeward/shared/reconcile/ledger';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { temporaryDirectory } from '../host/temporary.js';

const RECORD: Pick<LedgerRecord, 'sysctls' | 'links' | 'fouPorts' | 'tables'> = {
  sysctls: { 'net/ipv4/ip_forward': { before: '0', ours: '1', links: ['eth0'] } },
  links: ['hw0'],
  fouPorts: [7700],
  tables: { homeward_relay: { fingerprint: 'f', digest: 'd' } },
};

describe('reconcile/ledger', () => {
  const path = temporaryDirectory();
  const open = (kernel: string) => openLedger(createJsonFile(path('kernel.json'), ledgerSchema), kernel);

  it('starts empty', async () => {
    const ledger = await open('boot-1 net:[1]');
    expect(ledger.current()).to.deep.equal({
      version: 1,
      kernel: 'boot-1 net:[1]',
      sysctls: {},
      links: [],
      fouPorts: [],
      tables: {},
    });
  });

  it('remembers over a restart of the daemon', async () => {
    const ledger = await open('boot-1 net:[1]');
    await ledger.save({ ...ledger.current(), ...RECORD });
    expect((await open('boot-1 net:[1]')).current()).to.deep.include(RECORD);
  });

  it('knows what it learned of the kernel also where that cannot be stored, but claims nothing beforehand', async () => {
    const full = async () => Promise.reject(new Error('disk full'));
    const ledger = await openLedger({ read: async () => null, write: full }, 'boot-1 net:[1]');
    const refused = (outcome: Promise<void>) => outcome.catch((error: Error) => error.message);
    expect(await refused(ledger.save({ ...ledger.current(), links: ['hw0'] }))).to.equal('disk full');
    expect(ledger.current().links).to.deep.equal([]);
    expect(await refused(ledger.learn({ ...ledger.current(), ...RECORD }))).to.equal('disk full');
    expect(ledger.current()).to.deep.include(RECORD);
  });

  it('forgets everything after another boot, and in another namespace', async () => {
    const ledger = await open('boot-1 net:[1]');
    await ledger.save({ ...ledger.current(), ...RECORD });
    for (const kernel of ['boot-2 net:[1]', 'boot-1 net:[2]']) {
      const empty = { version: 1, kernel, sysctls: {}, links: [], fouPorts: [], tables: {} };
      expect((await open(kernel)).current()).to.deep.equal(empty);
    }
  });
});
