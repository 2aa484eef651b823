/** Death between any two steps, in the real kernel of a network namespace: whoever comes next ends what was begun, and takes it down as if nothing had happened. */

import { SETS } from '@homeward/agent/desired/backend-sets';
import { backendTable } from '@homeward/agent/desired/backend-table';
import { landingRule } from '@homeward/agent/desired/return-route';
import { type Command, command } from '@homeward/shared/host/command';
import { createJsonFile } from '@homeward/shared/host/json-file';
import type { Runner } from '@homeward/shared/host/runner';
import type { SysctlFiles } from '@homeward/shared/host/sysctl';
import { FAMILIES } from '@homeward/shared/net/address';
import { BACKEND_TABLE, isSlotLink, USUAL_RULE_PLACES } from '@homeward/shared/net/allocation';
import { ledgerSchema, openLedger } from '@homeward/shared/reconcile/ledger';
import { createReconciler, type Reconciler } from '@homeward/shared/reconcile/reconciler';
import { hostState } from '@homeward/shared/state/host-state';
import type { Resource } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { pino } from 'pino';
import { tunnel } from '../desired/backend-states.js';
import { temporaryDirectory } from '../host/temporary.js';
import { networkNamespace } from '../kernel/network-namespace.js';
import { address, element, link, replyRule, route, sysctl } from './resources.js';

const DESIRED: readonly Resource[] = [
  link(),
  address(),
  route(),
  ...FAMILIES.flatMap((family) => [landingRule(family, USUAL_RULE_PLACES), replyRule(family)]),
  backendTable([tunnel(1, [])], { ipv4: [], ipv6: [] }),
  element(SETS.ipv4.allowed.single, '10.77.16.2 . tcp . 443'),
  sysctl('net/ipv4/ip_forward', '1'),
  sysctl('net/ipv4/conf/hw1/rp_filter', '2'),
];

/** What is changed on the way up and down, in this order. */
const UP = ['ip tuntap', 'nft -f', 'sysctl -q', 'sysctl -q', 'ip -batch', 'ip -6'];
const DOWN = ['ip link', 'nft -f', 'ip -batch', 'ip -6', 'sysctl -q'];

const LOOKS = ['-j', '-n', 'show', 'list', 'fou'];
const isChange = ({ file, args }: Command): boolean => file !== 'wg' && !args.some((word) => LOOKS.includes(word));

class Death extends Error {}

describe('reconcile: interrupted', () => {
  const inside = networkNamespace();
  const path = temporaryDirectory();
  let untouched = '';

  const text = async (file: string, ...args: string[]) => inside.run(command(file, args));
  const everything = async () =>
    (
      await Promise.all([
        text('nft', 'list', 'ruleset'),
        text('ip', 'rule', 'show'),
        text('ip', '-6', 'rule', 'show'),
        text('ip', 'route', 'show', 'table', 'all'),
        text('ip', 'link', 'show'),
        text('sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv4.conf.all.accept_redirects'),
      ])
    ).join('\n');

  before(async () => {
    untouched = await everything();
  });

  /** Dies before or after the change of that number, from 0; nothing is run afterwards. Tells what was changed. */
  function mortal(at: number, moment: 'before' | 'after'): { readonly runner: Runner; readonly changed: string[] } {
    const changed: string[] = [];
    let isDead = false;
    const dieAt = (one: Command, now: typeof moment): void => {
      isDead ||= isChange(one) && changed.length === at && moment === now;
      if (isDead) throw new Death();
    };
    const runner: Runner = {
      hasStarted: inside.hasStarted,
      async run(one, signal) {
        if (isDead) throw new Death();
        dieAt(one, 'before');
        const output = await inside.run(one, signal);
        dieAt(one, 'after');
        if (isChange(one)) changed.push(`${one.file} ${one.args[0]}`);
        return output;
      },
    };
    return { runner, changed };
  }

  /** Of the namespace, by commands: files below /proc/sys are those of whoever opens them. */
  function sysctlsBy(runner: Runner): SysctlFiles {
    const dotted = (file: string) => file.replaceAll('/', '.');
    const files: SysctlFiles = {
      readAll: async (paths) =>
        new Map(await Promise.all(paths.map(async (one) => [one, await files.read(one)] as const))),
      read: async (file) =>
        (await runner.run({ ...command('sysctl', ['-n', dotted(file)]), answers: [1, 255] })).trim() || null,
      write: async (file, value) => {
        if ((await files.read(file)) !== value) await runner.run(command('sysctl', ['-q', `${dotted(file)}=${value}`]));
      },
    };
    return files;
  }

  /** A daemon that has just been started: all it knows is what its file says. */
  async function started(runner: Runner): Promise<Reconciler> {
    return createReconciler({
      runner,
      sysctls: sysctlsBy(runner),
      createWireguardLink: async (name) => {
        await runner.run(command('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tun']));
      },
      ownership: {
        tables: [BACKEND_TABLE],
        isLink: isSlotLink,
        isRoutingTable: (table) => table === 7701,
        isRule: () => true,
        firewalld: { priority: 1, isTrustedLink: () => false },
      },
      ledger: await openLedger(createJsonFile(path('kernel.json'), ledgerSchema), 'this one'),
      logger: pino({ level: 'silent' }),
      repair: true,
      facts: async () => null,
      desired: () => hostState(DESIRED),
      staleFlows: () => [],
    });
  }

  const never = () => mortal(Number.POSITIVE_INFINITY, 'before');
  const isDeath = (error: unknown): true => {
    if (error instanceof Death) return true;
    throw error;
  };

  async function expectTakenDown(): Promise<void> {
    const { errors, kept } = await (await started(inside)).teardown();
    expect({ errors, kept }).to.deep.equal({ errors: [], kept: [] });
    expect(await everything()).to.equal(untouched);
  }

  it('has these changes to make, and to take back', async () => {
    const up = never();
    await (await started(up.runner)).reconcile();
    expect(up.changed).to.deep.equal(UP);
    const down = never();
    await (await started(down.runner)).teardown();
    expect(down.changed).to.deep.equal(DOWN);
    expect(await everything()).to.equal(untouched);
  });

  /** Before each change, and after the last: after one is before the next. */
  const deaths = (changes: readonly string[]) => [
    ...changes.map((change, at) => ({ at, moment: 'before' as const, change })),
    { at: changes.length - 1, moment: 'after' as const, change: changes.at(-1) },
  ];

  for (const { at, moment, change } of deaths(UP)) {
    const dieOnTheWayUp = async () =>
      expect(await (await started(mortal(at, moment).runner)).reconcile().catch(isDeath)).to.equal(true);

    it(`on the way up, ${moment} change ${at + 1} (${change})`, async () => {
      await dieOnTheWayUp();
      const next = await started(inside);
      await next.reconcile();
      expect(await next.plan()).to.deep.equal([]);
      await expectTakenDown();
    });

    it(`on the way up, ${moment} change ${at + 1} (${change}), and then taken down`, async () => {
      await dieOnTheWayUp();
      await expectTakenDown();
    });
  }

  for (const { at, moment, change } of deaths(DOWN)) {
    it(`on the way down, ${moment} change ${at + 1} (${change})${at % 2 === 0 ? ', and then brought back' : ''}`, async () => {
      await (await started(inside)).reconcile();
      expect(await (await started(mortal(at, moment).runner)).teardown().catch(isDeath)).to.equal(true);
      if (at % 2 === 0) {
        const next = await started(inside);
        await next.reconcile();
        expect(await next.plan()).to.deep.equal([]);
      }
      await expectTakenDown();
    });
  }
});
