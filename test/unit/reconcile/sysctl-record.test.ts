/** Sysctls: what is remembered before the first write, and what may be put back. */

import type { LedgerRecord } from '@homeward/shared/reconcile/ledger';
import { pathsToRecord, recordSysctls, sysctlRestoration } from '@homeward/shared/reconcile/sysctl-record';
import type { Sysctl } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const FORWARD = 'net/ipv4/ip_forward';
const FORWARD6 = 'net/ipv6/conf/all/forwarding';
const ACCEPT_RA = 'net/ipv6/conf/eth0/accept_ra';
const OWN6 = 'net/ipv6/conf/eth0/forwarding';
const REDIRECTS = 'net/ipv4/conf/all/accept_redirects';
const EMPTY: LedgerRecord = { version: 1, kernel: 'boot net', sysctls: {}, links: [], fouPorts: [], tables: {} };
const write = (path: string, value: string): Sysctl => ({ kind: 'sysctl', path, value });
const isOurLink = (name: string) => name.startsWith('hw');

/** The ledger after forwarding was switched on, on a machine with these links. */
function switchedOn(links: readonly string[], redirects = '1'): LedgerRecord {
  const found = new Map([
    [FORWARD, '0'],
    [REDIRECTS, redirects],
  ]);
  return recordSysctls(EMPTY, [write(FORWARD, '1')], found, links);
}

function restored(ledger: LedgerRecord, present: Readonly<Record<string, string | null>>, links: readonly string[]) {
  const { restore, kept } = sysctlRestoration(ledger, new Map(Object.entries(present)), links);
  return { restore: restore.map(({ path, value }) => `${path} = ${value}`), kept };
}

describe('reconcile/sysctl-record', () => {
  it('records what it writes and what the kernel changes with it, but nothing of our own links', () => {
    const written = [write(FORWARD, '1'), write('net/ipv4/conf/hw1/rp_filter', '2'), write('net/x', '1')];
    expect(pathsToRecord(written, ['eth0'], isOurLink)).to.deep.equal([
      FORWARD,
      REDIRECTS,
      'net/ipv4/conf/default/forwarding',
      'net/ipv4/conf/lo/forwarding',
      'net/ipv4/conf/eth0/forwarding',
      'net/x',
    ]);
  });

  it('keeps the value from before the first write, also after a second one', () => {
    const first = switchedOn(['eth0']);
    const second = recordSysctls(first, [write(FORWARD, '1')], new Map([[FORWARD, '1']]), ['eth0', 'docker0']);
    expect(second.sysctls[FORWARD]).to.deep.equal({ before: '0', ours: '1', links: ['eth0'] });
    expect(EMPTY.sysctls).to.deep.equal({});
  });

  it('records nothing the kernel does not have', () => {
    expect(recordSysctls(EMPTY, [write(FORWARD, '1')], new Map([[FORWARD, null]]), []).sysctls).to.deep.equal({});
  });

  it('puts back what nobody else needs, side effects last', () => {
    expect(restored(switchedOn(['eth0']), { [FORWARD]: '1', [REDIRECTS]: '0' }, ['eth0'])).to.deep.equal({
      restore: [`${FORWARD} = 0`, `${REDIRECTS} = 1`],
      kept: [],
    });
  });

  it('puts back also where a link has gone', () => {
    expect(restored(switchedOn(['eth0', 'usb0']), { [FORWARD]: '1', [REDIRECTS]: '0' }, ['eth0']).kept).to.deep.equal(
      [],
    );
  });

  it('leaves and names what somebody changed since', () => {
    const ledger = recordSysctls(EMPTY, [write('net/x', '1')], new Map([['net/x', '0']]), []);
    expect(restored(ledger, { 'net/x': '2' }, [])).to.deep.equal({
      restore: [],
      kept: ['sysctl net/x stays 2: somebody changed it since homeward set 1'],
    });
  });

  it('leaves and names what a new link may rely on, with its side effect', () => {
    expect(restored(switchedOn(['eth0']), { [FORWARD]: '1', [REDIRECTS]: '0' }, ['eth0', 'docker0'])).to.deep.equal({
      restore: [],
      kept: [`sysctl ${FORWARD} stays 1: docker0 came since and may rely on it`],
    });
  });

  it('puts nothing back that is gone', () => {
    const ledger = recordSysctls(EMPTY, [write('net/y', '1')], new Map([['net/y', '0']]), []);
    expect(restored(ledger, { 'net/y': null }, [])).to.deep.equal({ restore: [], kept: [] });
  });

  it("gives links their own forwarding back, behind the machine's switch", () => {
    const found = new Map([
      [FORWARD, '0'],
      ['net/ipv4/conf/br0/forwarding', '1'],
    ]);
    const ledger = recordSysctls(EMPTY, [write(FORWARD, '1')], found, ['br0']);
    expect(restored(ledger, { [FORWARD]: '1', 'net/ipv4/conf/br0/forwarding': '1' }, ['br0']).restore).to.deep.equal([
      `${FORWARD} = 0`,
      'net/ipv4/conf/br0/forwarding = 1',
    ]);
  });

  it('leaves a side effect alone that somebody set otherwise since', () => {
    // The kernel set it to 0 with forwarding; a 1 can only be somebody's choice.
    const { restore } = restored(switchedOn(['eth0'], '0'), { [FORWARD]: '1', [REDIRECTS]: '1' }, ['eth0']);
    expect(restore).to.deep.equal([`${FORWARD} = 0`]);
  });

  describe('after a teardown that was cut off', () => {
    const own = 'net/ipv4/conf/br0/forwarding';
    const found = new Map([
      [FORWARD, '0'],
      [REDIRECTS, '0'],
      [own, '1'],
    ]);
    const ledger = recordSysctls(EMPTY, [write(FORWARD, '1')], found, ['br0']);

    it('behind the switch, puts back what the kernel changed with it', () => {
      const cutOff = { [FORWARD]: '0', [REDIRECTS]: '1', [own]: '0' };
      expect(restored(ledger, cutOff, ['br0'])).to.deep.equal({
        restore: [`${FORWARD} = 0`, `${REDIRECTS} = 0`, `${own} = 1`],
        kept: [],
      });
    });

    it('names nobody for what is as it was', () => {
      expect(restored(ledger, { [FORWARD]: '0', [REDIRECTS]: '0', [own]: '1' }, ['br0', 'docker0']).kept).to.deep.equal(
        [],
      );
    });
  });

  describe('of IPv6', () => {
    const written = [write(ACCEPT_RA, '2'), write(FORWARD6, '1')];
    const found = new Map([
      [ACCEPT_RA, '1'],
      [FORWARD6, '0'],
      [OWN6, '0'],
    ]);
    const ledger = recordSysctls(EMPTY, written, found, ['eth0']);
    const now = { [ACCEPT_RA]: '2', [FORWARD6]: '1', [OWN6]: '1' };

    it("records every link's own switch beside the machine's, but no redirects, which stay", () => {
      expect(pathsToRecord(written, ['eth0', 'br0'], isOurLink)).to.deep.equal([
        ACCEPT_RA,
        FORWARD6,
        'net/ipv6/conf/default/forwarding',
        'net/ipv6/conf/lo/forwarding',
        'net/ipv6/conf/eth0/forwarding',
        'net/ipv6/conf/br0/forwarding',
      ]);
    });

    it('puts all of them back, side effects last', () => {
      expect(restored(ledger, now, ['eth0'])).to.deep.equal({
        restore: [`${ACCEPT_RA} = 1`, `${FORWARD6} = 0`, `${OWN6} = 0`],
        kept: [],
      });
    });

    it('keeps the advertised routes where forwarding stays for somebody else', () => {
      expect(restored(ledger, now, ['eth0', 'docker0'])).to.deep.equal({
        restore: [],
        kept: [
          `sysctl ${ACCEPT_RA} stays 2: docker0 came since and may rely on it`,
          `sysctl ${FORWARD6} stays 1: docker0 came since and may rely on it`,
        ],
      });
    });

    it("is not moved by IPv4's switch", () => {
      const four = recordSysctls(ledger, [write(FORWARD, '1')], new Map([[FORWARD, '0']]), ['eth0', 'docker0']);
      expect(restored(four, { ...now, [FORWARD]: '1' }, ['eth0', 'docker0'])).to.deep.include({
        restore: [`${FORWARD} = 0`],
      });
      expect(restored(ledger, { ...now, [OWN6]: '0' }, ['eth0']).restore).to.include(`${OWN6} = 0`);
    });
  });
});
