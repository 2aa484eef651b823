/** The reconciler against a real kernel, in a network namespace of its own: tables, elements and rules, without a tunnel. */

import { SETS } from '@homeward/agent/desired/backend-sets';
import { backendTable } from '@homeward/agent/desired/backend-table';
import { landingRule } from '@homeward/agent/desired/return-route';
import { command } from '@homeward/shared/host/command';
import { createJsonFile } from '@homeward/shared/host/json-file';
import type { Runner } from '@homeward/shared/host/runner';
import { createSysctlFiles } from '@homeward/shared/host/sysctl';
import { FAMILIES } from '@homeward/shared/net/address';
import { BACKEND_TABLE, USUAL_RULE_PLACES } from '@homeward/shared/net/allocation';
import { changeText } from '@homeward/shared/reconcile/diff';
import { ledgerSchema, openLedger } from '@homeward/shared/reconcile/ledger';
import { createReconciler, type Reconciler } from '@homeward/shared/reconcile/reconciler';
import { hostState } from '@homeward/shared/state/host-state';
import type { NftElement, Resource } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { tunnel } from '../desired/backend-states.js';
import { temporaryDirectory } from '../host/temporary.js';
import { networkNamespace } from '../kernel/network-namespace.js';

function allowed(port: number): NftElement {
  const key = `10.77.16.2 . tcp . ${port}`;
  return { kind: 'nft-element', table: BACKEND_TABLE, set: SETS.ipv4.allowed.single, key, value: null };
}

const BASE: readonly Resource[] = [
  backendTable([tunnel(1, [])], { ipv4: [], ipv6: [] }),
  ...FAMILIES.map((family) => landingRule(family, USUAL_RULE_PLACES)),
];

describe('reconcile/reconciler', () => {
  const inside = networkNamespace();
  const path = temporaryDirectory();
  let desired: readonly Resource[] = [];

  const nft = (...args: string[]) => inside.run(command('nft', args));
  const ip = (...args: string[]) => inside.run(command('ip', args));
  const everything = async () =>
    [await nft('list', 'ruleset'), await ip('rule', 'show'), await ip('-6', 'rule', 'show')].join('\n');

  beforeEach(async () => {
    desired = [...BASE, allowed(443)];
    // What the test before left; the rules may not be there.
    const withoutLanding = (family: string) =>
      inside.run({ ...command('ip', [family, 'rule', 'del', 'pref', '5100']), answers: [2] });
    await Promise.all([nft('flush', 'ruleset'), withoutLanding('-4'), withoutLanding('-6')]);
  });

  async function reconciler(repair: boolean, runner: Runner = inside): Promise<Reconciler> {
    return createReconciler({
      runner,
      sysctls: createSysctlFiles(),
      createWireguardLink: () => Promise.reject(new Error('there is no tunnel in this test')),
      ownership: {
        tables: [BACKEND_TABLE],
        isLink: () => false,
        isRoutingTable: (table) => table === 7701,
        isRule: () => true,
        firewalld: { priority: 1, isTrustedLink: () => false },
      },
      ledger: await openLedger(createJsonFile(path('kernel.json'), ledgerSchema), 'this one'),
      logger: pino({ level: 'silent' }),
      repair,
      facts: async () => null,
      desired: () => hostState(desired),
      staleFlows: () => [],
    });
  }

  it('makes the kernel as desired, and then has nothing to do', async () => {
    const side = await reconciler(true);
    const { changed } = await side.reconcile();
    expect(changed.map((line) => line.replace(/ skeleton .*/, ''))).to.deep.equal([
      '+ table inet homeward_backend',
      '+ rule pref 5100 nop',
      '+ rule -6 pref 5100 nop',
      '+ element homeward_backend allowed4 { 10.77.16.2 . tcp . 443 }',
    ]);
    expect(await side.reconcile()).to.deep.equal({ changed: [], drift: [] });
    expect(await side.plan()).to.deep.equal([]);
  });

  it('finds nothing to do after a restart', async () => {
    await (await reconciler(true)).reconcile();
    expect(await (await reconciler(true)).reconcile()).to.deep.equal({ changed: [], drift: [] });
  });

  it('mends a deleted rule of the table, an element and a policy rule', async () => {
    const side = await reconciler(true);
    await side.reconcile();
    await nft('flush', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel');
    await ip('rule', 'del', 'pref', '5100');
    expect((await side.reconcile()).changed).to.have.lengthOf(2);
    await nft('delete', 'element', 'inet', BACKEND_TABLE, 'allowed4', '{ 10.77.16.2 . tcp . 443 }');
    // As the monitor does when somebody else wrote to the table.
    side.forgetElements();
    expect((await side.reconcile()).changed).to.deep.equal([
      '+ element homeward_backend allowed4 { 10.77.16.2 . tcp . 443 }',
    ]);
    expect(await nft('list', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel')).to.include('@allowed4 accept');
  });

  it('finds in a plan what somebody did to elements, and mends it from then on', async () => {
    const side = await reconciler(true);
    await side.reconcile();
    await nft('add', 'element', 'inet', BACKEND_TABLE, 'allowed4', '{ 10.77.16.2 . tcp . 80 }');
    const unwanted = '- element homeward_backend allowed4 { 10.77.16.2 . tcp . 80 }';
    expect((await side.plan()).map(changeText)).to.deep.equal([unwanted]);
    expect((await side.reconcile()).changed).to.deep.equal([unwanted]);
  });

  /** What of nft runs, in order: `skeletons`, `elements` of our table, `script`. */
  function watching(): { readonly runner: Runner; ranSince(): string[] } {
    const ran: string[] = [];
    const runner: Runner = {
      hasStarted: inside.hasStarted,
      run(one, signal) {
        if (one.file === 'nft') {
          ran.push(one.args.includes('ruleset') ? 'skeletons' : one.args.includes('list') ? 'elements' : 'script');
        }
        return inside.run(one, signal);
      },
    };
    return { runner, ranSince: () => ran.splice(0) };
  }

  it('lists elements only when somebody else may have changed them', async () => {
    const { runner, ranSince } = watching();
    const side = await reconciler(true, runner);
    await side.reconcile();
    const ofNext = async () => {
      ranSince();
      await side.reconcile();
      return ranSince();
    };
    expect(await ofNext()).to.deep.equal(['skeletons']);
    desired = [...BASE, allowed(443), allowed(80)];
    expect(await ofNext(), 'an own change').to.deep.equal(['skeletons', 'script', 'skeletons']);
    side.forgetElements();
    expect(await ofNext()).to.deep.equal(['skeletons', 'elements']);
    await nft('add', 'chain', 'inet', BACKEND_TABLE, 'somebody');
    const replaced = ['skeletons', 'skeletons', 'elements', 'script', 'skeletons', 'elements', 'skeletons'];
    expect(await ofNext(), 'another skeleton').to.deep.equal(replaced);
    expect(await ofNext()).to.deep.equal(['skeletons']);
  });

  it('fulfils a new wish for elements by the last look, and looks afterwards', async () => {
    const { runner, ranSince } = watching();
    const side = await reconciler(true, runner);
    await side.reconcile();
    ranSince();
    desired = [...BASE, allowed(443), allowed(80)];
    const wish = '+ element homeward_backend allowed4 { 10.77.16.2 . tcp . 80 }';
    expect((await side.reconcile('last-look')).changed).to.deep.equal([wish]);
    expect(ranSince()).to.deep.equal(['script', 'skeletons']);
    expect(await side.plan()).to.deep.equal([]);
  });

  it('looks first where it was told of a change, or where more than elements and rules is to be done', async () => {
    const { runner, ranSince } = watching();
    const side = await reconciler(true, runner);
    const ofNext = async () => {
      ranSince();
      await side.reconcile('last-look');
      return ranSince()[0];
    };
    expect(await ofNext(), 'the first run').to.equal('skeletons');
    desired = [...BASE, allowed(80)];
    side.forgetLook();
    expect(await ofNext()).to.equal('skeletons');
    desired = [...BASE, allowed(81)];
    side.forgetElements();
    expect(await ofNext()).to.equal('skeletons');
    desired = BASE.slice(1);
    expect(await ofNext()).to.equal('skeletons');
  });

  it('does together what is asked for while it runs', async () => {
    const { runner, ranSince } = watching();
    const side = await reconciler(true, runner);
    await side.reconcile();
    ranSince();
    const running = side.reconcile();
    desired = [...BASE, allowed(443), allowed(80)];
    const [first, second] = [side.reconcile(), side.reconcile('last-look')];
    expect(await first).to.equal(await second);
    await running;
    expect(ranSince().filter((what) => what === 'script')).to.deep.equal(['script']);
    expect(await side.plan()).to.deep.equal([]);
  });

  it('mends a flushed ruleset', async () => {
    const side = await reconciler(true);
    await side.reconcile();
    const before = await nft('-s', 'list', 'ruleset');
    await nft('flush', 'ruleset');
    await side.reconcile();
    expect(await nft('-s', 'list', 'ruleset')).to.equal(before);
  });

  it('mends at once what it was told of, and looks at nothing else for that', async () => {
    const { runner, ranSince } = watching();
    const side = await reconciler(true, runner);
    expect((await side.mend(new Set(['tables'] as const))).changed, 'before the first look').to.deep.equal([]);
    await side.reconcile();
    await ip('rule', 'del', 'pref', '5100');
    await nft('flush', 'ruleset');
    ranSince();
    expect((await side.mend(new Set(['routing'] as const))).changed).to.deep.equal(['+ rule pref 5100 nop']);
    expect(ranSince()).to.deep.equal([]);
    // What was mended is not known until it was looked at.
    expect((await side.mend(new Set(['tables'] as const))).changed).to.deep.equal([]);
    expect((await side.reconcile()).changed.length).to.be.greaterThan(1);
    expect(await side.plan()).to.deep.equal([]);
    await nft('flush', 'ruleset');
    expect((await side.mend(new Set(['tables'] as const))).changed.length).to.be.greaterThan(1);
    expect(await side.plan()).to.deep.equal([]);
  });

  it('mends nothing without repair', async () => {
    const side = await reconciler(false);
    await side.reconcile();
    await nft('flush', 'ruleset');
    expect((await side.mend(new Set(['tables'] as const))).changed).to.deep.equal([]);
    expect(await nft('list', 'ruleset')).to.equal('');
  });

  describe('when somebody undoes something in the moment of loading', () => {
    /** Runs commands, and right after the next load of a ruleset that of the foe. */
    function withFoe(...foesNft: string[]): { readonly runner: Runner; undoNext(): void } {
      let isLoading = false;
      const runner: Runner = {
        hasStarted: inside.hasStarted,
        async run(one, signal) {
          const output = await inside.run(one, signal);
          if (isLoading && one.file === 'nft' && one.stdin !== undefined) {
            isLoading = false;
            await nft(...foesNft);
          }
          return output;
        },
      };
      return {
        runner,
        undoNext() {
          isLoading = true;
        },
      };
    }

    it('never takes for its own what that one wrote', async () => {
      const { runner, undoNext } = withFoe('flush', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel');
      const side = await reconciler(true, runner);
      await side.reconcile();
      await nft('delete', 'table', 'inet', BACKEND_TABLE);
      undoNext();
      await side.reconcile();
      await side.reconcile();
      expect(await nft('list', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel')).to.include('@allowed4 accept');
    });

    it('has not failed in what was newly wanted, and tells what it mended in vain', async () => {
      const { runner, undoNext } = withFoe('flush', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel');
      const side = await reconciler(true, runner);
      await side.reconcile();
      await nft('flush', 'chain', 'inet', BACKEND_TABLE, 'from-tunnel');
      desired = [...BASE, allowed(443), allowed(80)];
      undoNext();
      const { changed } = await side.reconcile();
      expect(changed.join()).to.match(/table inet homeward_backend/);
      expect(await nft('list', 'set', 'inet', BACKEND_TABLE, 'allowed4')).to.match(/tcp \. 80\b/);
    });

    it('has failed where that is what was newly wanted', async () => {
      const { runner, undoNext } = withFoe('delete', 'table', 'inet', BACKEND_TABLE);
      const side = await reconciler(true, runner);
      await side.reconcile();
      desired = [...BASE, allowed(443), allowed(80)];
      undoNext();
      const failure = await side.reconcile().catch((error: unknown) => error);
      expect(failure).to.have.property('code', 'command-failed');
    });
  });

  it("tells others' changes without repair, and still carries out new wishes", async () => {
    const side = await reconciler(false);
    await side.reconcile();
    await ip('rule', 'del', 'pref', '5100');
    desired = [...BASE, allowed(443), allowed(80)];
    expect(await side.reconcile()).to.deep.equal({
      changed: ['+ element homeward_backend allowed4 { 10.77.16.2 . tcp . 80 }'],
      drift: ['+ rule pref 5100 nop'],
    });
  });

  it('leaves the machine as it was, foreign things included, and changes nothing afterwards', async () => {
    await nft('add', 'table', 'inet', 'somebody');
    await ip('rule', 'add', 'pref', '5210', 'fwmark', '0x80000/0xff0000', 'lookup', 'main');
    const before = await everything();
    const side = await reconciler(true);
    await side.reconcile();
    expect(await everything()).to.not.equal(before);
    const { removed, kept, errors } = await side.teardown();
    expect({ removed, kept, errors }).to.deep.equal({
      removed: ['rule pref 5100 nop', 'rule -6 pref 5100 nop', 'table inet homeward_backend'],
      kept: [],
      errors: [],
    });
    expect(await everything()).to.equal(before);
    expect(await side.reconcile()).to.deep.equal({ changed: [], drift: [] });
    expect(await everything()).to.equal(before);
  });

  it('changes nothing at all when one element of a change is wrong', async () => {
    const side = await reconciler(true);
    await side.reconcile();
    const before = await everything();
    desired = [...BASE, allowed(80), { ...allowed(443), key: 'not an element' }];
    const failure = await side.reconcile().catch((error: unknown) => error);
    expect(failure).to.have.property('code', 'command-failed');
    expect(await everything()).to.equal(before);
  });
});
