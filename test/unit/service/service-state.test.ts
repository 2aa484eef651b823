/** What systemd says of a service. */

import { isInstalled, parseServiceState } from '@homeward/shared/service/service-state';
import { expect } from 'chai';
import { describe, it } from 'mocha';

describe('service/service-state', () => {
  it('reads the properties in any order', () => {
    const state = { active: 'active', file: 'enabled', status: '1 backend, a=b' };
    const lines = ['ActiveState=active', 'UnitFileState=enabled', 'StatusText=1 backend, a=b'];
    expect(parseServiceState(`${lines.join('\n')}\n`)).to.deep.equal(state);
    expect(parseServiceState(`${lines.reverse().join('\n')}\n`)).to.deep.equal(state);
  });

  it('tells a service from none', () => {
    // What systemd 252 prints for a unit that does not exist.
    expect(isInstalled(parseServiceState('StatusText=\nActiveState=inactive\nUnitFileState=\n'))).to.equal(false);
    expect(isInstalled({ active: 'inactive', file: 'disabled', status: '' })).to.equal(false);
    expect(isInstalled({ active: 'failed', file: 'enabled', status: '' })).to.equal(true);
    expect(isInstalled({ active: 'active', file: 'disabled', status: '' })).to.equal(true);
    expect(isInstalled({ active: 'activating', file: 'disabled', status: '' })).to.equal(true);
  });
});
