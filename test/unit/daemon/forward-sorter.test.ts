/** Offered forwards sorted by the policy: judged once, and anew whenever the policy or the machine says otherwise. */

import { createForwardReader } from '@homeward/agent/daemon/forward-reader';
import { createForwardSorter, sortForwards } from '@homeward/agent/daemon/forward-sorter';
import { parsePolicy } from '@homeward/agent/policy';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';

const policies = [{}, { ports: ['443/tcp'] }, { lan: ['192.168.1.0/24'] }].map((content) => parsePolicy('/p', content));
const machines = [[22], [22, 443]].map((sshPorts) => ({ sshPorts, addresses: ['192.168.1.2'] }));
const specs = ['443/tcp', '22/tcp', '53/udp', '80=192.168.1.9/tcp', '80=192.168.1.2/tcp', 'nonsense'];

describe('daemon/forward-sorter', () => {
  it('sorts as if it remembered nothing, whatever was asked before', () => {
    const [read, sort] = [createForwardReader(), createForwardSorter()];
    const anyQuestion = fc.record({
      offered: fc.subarray(specs),
      policy: fc.constantFrom(...policies),
      own: fc.constantFrom(...machines),
    });
    fc.assert(
      fc.property(anyQuestion, ({ offered, policy, own }) => {
        const known = read('A', offered);
        expect(sort(known, policy, own)).to.deep.equal(sortForwards(known, policy, own));
      }),
    );
  });

  it('gives the very answer again where nothing changed', () => {
    const [read, sort] = [createForwardReader(), createForwardSorter()];
    const [policy, own] = [parsePolicy('/p', {}), { sshPorts: [22], addresses: [] }];
    const known = read('A', specs);
    expect(sort(known, policy, own)).to.equal(sort(known, parsePolicy('/p', {}), { ...own }));
  });
});
