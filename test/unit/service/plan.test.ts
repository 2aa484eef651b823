/** What installing and uninstalling do, in which order. */

import { installPlan, removalPlan, standDownPlan, startPlan, stepText } from '@homeward/shared/service/plan';
import { unitText } from '@homeward/shared/service/unit';
import { expect } from 'chai';
import { describe, it } from 'mocha';

const AGENT = {
  side: 'agent',
  argv: ['/usr/bin/node', '/opt/homeward/agent.js', 'run'],
  stateDir: '/var/lib/homeward/agent',
  runDir: '/run/homeward',
} as const;

describe('service/plan', () => {
  it('installs: directory, unit, systemd reads it, at every boot, now', () => {
    expect([...installPlan(AGENT, null), ...startPlan('agent')].map(stepText)).to.deep.equal([
      'make the directory /var/lib/homeward/agent, mode 0700',
      'write /etc/systemd/system/homeward-agent.service:',
      'systemctl daemon-reload',
      'systemctl enable homeward-agent.service',
      'systemctl restart homeward-agent.service',
    ]);
    expect(installPlan(AGENT, null)[1]).to.have.property('content', unitText(AGENT));
  });

  it("uses a package's unit that says the same, and lies over one that does not", () => {
    expect(installPlan(AGENT, unitText(AGENT)).map(stepText)).to.include(
      'delete /etc/systemd/system/homeward-agent.service',
    );
    const elsewhere = { ...AGENT, stateDir: '/srv/agent' };
    expect(installPlan(elsewhere, unitText(AGENT)).map(stepText)).to.include(
      'write /etc/systemd/system/homeward-agent.service:',
    );
  });

  it('makes a run directory that systemd does not', () => {
    const steps = installPlan({ ...AGENT, runDir: '/srv/run' }, null).map(stepText);
    expect(steps[1]).to.equal('make the directory /srv/run, mode 0755');
  });

  it('uninstalls: ends it, then takes its unit away', () => {
    expect([...standDownPlan('agent'), ...removalPlan('agent')].map(stepText)).to.deep.equal([
      'systemctl disable --now homeward-agent.service',
      'delete /etc/systemd/system/homeward-agent.service',
      'systemctl daemon-reload',
    ]);
  });
});
