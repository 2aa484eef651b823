/** The ledger around steps: links and ports are ours from before they are made until they are gone; nobody else's are taken. */

import { createJsonFile } from '@homeward/shared/host/json-file';
import type { Runner } from '@homeward/shared/host/runner';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import type { Ownership } from '@homeward/shared/kernel/owned-state';
import type { Snapshot } from '@homeward/shared/kernel/snapshot';
import { isSlotLink } from '@homeward/shared/net/allocation';
import { diff } from '@homeward/shared/reconcile/diff';
import { createKernelRecords, type KernelRecords } from '@homeward/shared/reconcile/kernel-records';
import { type Ledger, ledgerSchema, openLedger } from '@homeward/shared/reconcile/ledger';
import { plan } from '@homeward/shared/reconcile/plan';
import { hostState } from '@homeward/shared/state/host-state';
import type { Resource } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { rejectionOf } from '../errors/thrown.js';
import { temporaryDirectory } from '../host/temporary.js';
import { snapshotOf } from '../kernel/snapshots.js';
import { fouPort, gre, link } from './resources.js';

const OWNERSHIP: Ownership = {
  tables: [],
  isLink: isSlotLink,
  isRoutingTable: () => false,
  isRule: () => false,
  firewalld: { priority: 1, isTrustedLink: () => false },
};
const EMPTY = snapshotOf({ lo: ['127.0.0.1/8'], eth0: ['192.168.1.2/24'] }, []);
const WITH_LINK = snapshotOf({ lo: ['127.0.0.1/8'], hw1: [] }, []);

describe('reconcile/kernel-records', () => {
  const path = temporaryDirectory();
  let ledger: Ledger;
  let records: KernelRecords;

  beforeEach(async () => {
    ledger = await openLedger(createJsonFile(path('kernel.json'), ledgerSchema), 'boot net');
    await ledger.save({ ...ledger.current(), links: [], fouPorts: [] });
    const runner: Runner = { run: async () => '', hasStarted: () => false };
    const sysctls = createSysctlFiles(path('sysctl'));
    const createWireguardLink = async () => undefined;
    records = createKernelRecords({ ...{ runner, sysctls, ledger, createWireguardLink }, ownership: OWNERSHIP });
  });

  const stepsTo = (desired: readonly Resource[], observed: readonly Resource[]) =>
    plan(diff(hostState(desired), hostState(observed)), hostState(desired));
  /** What is recorded while the steps run, and when they have. */
  async function recordedAround(desired: readonly Resource[], observed: readonly Resource[], snapshot: Snapshot) {
    const steps = stepsTo(desired, observed);
    const recorded = () => ({ links: ledger.current().links, fouPorts: ledger.current().fouPorts });
    await records.beforeWriting(steps, snapshot);
    const meanwhile = recorded();
    await records.afterWriting(steps, async () => new Map());
    return { meanwhile, afterwards: recorded() };
  }

  it('have links and ports before they are made, and until they are gone', async () => {
    const both = { links: ['hw1'], fouPorts: [7701] };
    const made = [gre(), fouPort()];
    expect(await recordedAround(made, [], EMPTY)).to.deep.equal({ meanwhile: both, afterwards: both });
    const again = await openLedger(createJsonFile(path('kernel.json'), ledgerSchema), 'boot net');
    expect(again.current()).to.deep.include(both);
    expect(await recordedAround([], made, { ...WITH_LINK, fouPorts: [7701] })).to.deep.equal({
      meanwhile: both,
      afterwards: { links: [], fouPorts: [] },
    });
  });

  it('keep a link that is made anew or changed where it stands', async () => {
    await recordedAround([link()], [], EMPTY);
    for (const [desired, observed] of [
      [gre({ key: 7 }), link()],
      [gre({ key: 8 }), gre({ key: 7 })],
      [gre(), gre({ key: 8 })],
    ] as const) {
      const { afterwards } = await recordedAround([desired], [observed], WITH_LINK);
      expect(afterwards.links).to.deep.equal(['hw1']);
    }
  });

  it('keep the other links when one goes', async () => {
    await ledger.save({ ...ledger.current(), links: ['hw1', 'hw2'], fouPorts: [7701, 7702] });
    const { afterwards } = await recordedAround([], [gre(), fouPort()], WITH_LINK);
    expect(afterwards).to.deep.equal({ links: ['hw2'], fouPorts: [7702] });
  });

  it("refuse to take over somebody else's link, and record nothing of it", async () => {
    expect(await rejectionOf(records.beforeWriting(stepsTo([gre()], []), WITH_LINK))).to.include({
      code: 'conflict',
      message: 'a link named hw1 exists that homeward did not make',
    });
    expect(ledger.current().links).to.deep.equal([]);
  });

  it("refuse to take over somebody else's port, and record neither it nor the link", async () => {
    const taken = { ...EMPTY, fouPorts: [7701] };
    expect(await rejectionOf(records.beforeWriting(stepsTo([gre(), fouPort()], []), taken))).to.include({
      code: 'conflict',
      message: 'somebody else takes GRE out of UDP port 7701 on this machine',
      hint: 'see them: ip fou show; free it: ip fou del port 7701',
    });
    expect(ledger.current()).to.deep.include({ links: [], fouPorts: [] });
  });

  it('make again what is recorded and away, such as after a crash', async () => {
    await ledger.save({ ...ledger.current(), links: ['hw1'], fouPorts: [7701] });
    const { afterwards } = await recordedAround([gre(), fouPort()], [], EMPTY);
    expect(afterwards).to.deep.equal({ links: ['hw1'], fouPorts: [7701] });
  });
});
