/** `--device` and `--gateway` at a backend: what they say, and what is said where they say nothing. */

import { type DeviceOptions, parseDeviceOptions } from '@homeward/agent/commands/device';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

const wrong = (options: DeviceOptions) => {
  const { code, message, hint } = thrownBy(() => parseDeviceOptions(options));
  return { code, message, hint };
};

describe('commands/device', () => {
  it('names a device, with the next machine on it where that must be said', () => {
    expect(parseDeviceOptions({})).to.equal(null);
    expect(parseDeviceOptions({ device: 'tun0' })).to.deep.equal({ name: 'tun0', gateway: null });
    for (const [typed, gateway] of [
      ['10.147.17.1', '10.147.17.1'],
      ['fd00:17::1', 'fd00:17::1'],
      ['FD00:17:0:0::1', 'fd00:17::1'],
    ] as const) {
      const named = parseDeviceOptions({ device: 'zt5u4y6h7', gateway: typed });
      expect(named).to.deep.equal({ name: 'zt5u4y6h7', gateway });
    }
  });

  it('refuses what is no device or no address, with what to type instead', () => {
    expect(wrong({ gateway: '10.8.0.1' })).to.deep.equal({
      code: 'bad-input',
      message: '--gateway belongs to a device',
      hint: 'add --device, for example --device tun0',
    });
    for (const gateway of ['nonsense', '', '10.8.0.0/24', '10.8.0.300', 'fe80::1%tun0', 'fd00::1::2']) {
      expect(wrong({ device: 'tun0', gateway })).to.include({
        code: 'bad-input',
        message: `--gateway "${gateway}" is not an IP address`,
      });
    }
    for (const device of ['', 'tun0;reboot', '%d', '../x', 'a-name-too-long1', 'tun 0']) {
      expect(wrong({ device })).to.deep.equal({
        code: 'bad-input',
        message: `"${device}" is not a device name`,
        hint: 'see what there is: ip link',
      });
    }
  });
});
