/** Policy rules as lines for ip. */

import { ruleAdd, ruleDelete } from '@homeward/shared/kernel/iproute-render';
import { parsePortRange } from '@homeward/shared/net/port';
import type { PolicyRule } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('kernel/iproute-render', () => {
  it('names UDP by its number, which ip knows without /etc/protocols', () => {
    const rule: PolicyRule = {
      kind: 'rule',
      family: 'ipv4',
      priority: 4562,
      selector: { udpSourcePorts: parsePortRange('5000-5009') },
      action: { kind: 'lookup', table: 7701 },
    };
    expect(ruleAdd(rule)).to.match(/^rule add pref 4562 ipproto 17 sport 5000-5009 lookup 7701 protocol \d+$/);
    expect(ruleDelete(rule)).to.match(/^rule del pref 4562 ipproto 17 sport 5000-5009 /);
  });
});
