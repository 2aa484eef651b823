/** What systemd says of a service. */

import { isInstalled, parseServiceState } from '@homeward/shared/service/service-state';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('service/service-state', () => {
  it('reads the properties in any order', () => {
    const state = { active: 'active', file: 'enabled' };
    expect(parseServiceState('ActiveState=active\nUnitFileState=enabled\n')).to.deep.equal(state);
    expect(parseServiceState('UnitFileState=enabled\nActiveState=active\n')).to.deep.equal(state);
  });

  it('tells a service from none', () => {
    // What systemd 252 prints for a unit that does not exist.
    expect(isInstalled(parseServiceState('ActiveState=inactive\nUnitFileState=\n'))).to.equal(false);
    expect(isInstalled({ active: 'inactive', file: 'disabled' })).to.equal(false);
    expect(isInstalled({ active: 'failed', file: 'enabled' })).to.equal(true);
    expect(isInstalled({ active: 'active', file: 'disabled' })).to.equal(true);
    expect(isInstalled({ active: 'activating', file: 'disabled' })).to.equal(true);
  });
});
