/** Where the relay itself stays silent. */

import { resetRules } from '@homeward/controller/desired/reset-rules';
import { FAMILIES, type Family } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { parsePortRange } from '@homeward/shared/net/port';
import { keyOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const OWN = { ownTcpPorts: [22], localPorts: parsePortRange('32768-60999') };

/** The rules' words but for what all have in common, of one family. */
function silent(specs: readonly string[], own = OWN, families: readonly Family[] = FAMILIES, of: Family = 'ipv4') {
  return resetRules([{ forwards: specs.map(parseForward), families }], own)
    .filter(({ family }) => family === of)
    .map((rule) =>
      /^rule (?:-6 )?pref 515[01] iif lo (\S.*) blackhole$/.exec(keyOf(rule))?.[1]?.replace('ipproto tcp sport ', ''),
    );
}

describe('desired/reset-rules', () => {
  it('are those of forwarded TCP ports, wherever these lead', () => {
    const specs = ['443/tcp', '53/tcp+udp', '5300/udp', '8443=443/tcp', '8000-8009/tcp'];
    expect(silent(specs)).to.deep.equal(['53', '443', '8000-8009', '8443']);
  });

  it('are of the families that clients of a forward come by', () => {
    expect(silent(['443/tcp'], OWN, ['ipv4'], 'ipv6')).to.deep.equal([]);
    expect(silent(['443/tcp'], OWN, FAMILIES, 'ipv6')).to.deep.equal(['443']);
    expect(silent(['198.51.100.1:80/tcp'], OWN, FAMILIES, 'ipv6')).to.deep.equal([]);
  });

  it('are of one address where the forward is', () => {
    const specs = ['198.51.100.1:80/tcp', '443/tcp', '198.51.100.2:80/tcp'];
    const rules = ['from 198.51.100.1 80', 'from 198.51.100.2 80', '443'];
    expect(silent(specs)).to.have.members(rules);
  });

  it('leave the relay its own ports, those it listens at and those it calls from', () => {
    expect(silent(['20-25/tcp', '22/tcp'])).to.deep.equal(['20-21', '23-25']);
    expect(silent(['40000/tcp', '32700-32768/tcp', '61000/tcp'])).to.deep.equal(['61000']);
  });

  it('stay few: no wide range, and not more than 32', () => {
    expect(silent(['1000-1063/tcp', '2000-2064/tcp'])).to.deep.equal(['1000-1063']);
    const many = Array.from({ length: 200 }, (_, index) => `${2000 + 2 * index}/tcp`);
    expect(silent(many)).to.have.lengthOf(32);
  });
});
