/** `--tunnel` and what goes with it: what is asked for, and what is said where it does not fit. */

import { parseTunnelOptions, type TunnelOptions, tunnelWarning } from '@homeward/controller/commands/tunnel-options';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';

const wrong = (options: TunnelOptions) => thrownBy(() => parseTunnelOptions(options));

describe('commands/tunnel-options', () => {
  it('asks for nothing where nothing is given: the tunnel there is stays', () => {
    expect(parseTunnelOptions({})).to.equal(null);
  });

  it('asks for each kind with what belongs to it', () => {
    const none = { udp: false, key: null, device: null };
    expect(parseTunnelOptions({ tunnel: 'wireguard' })).to.deep.equal({ ...none, kind: 'wireguard' });
    expect(parseTunnelOptions({ tunnel: 'gre' })).to.deep.equal({ ...none, kind: 'gre' });
    for (const [text, key] of [
      ['0', 0],
      ['4711', 4711],
      ['4294967295', 0xffff_ffff],
    ] as const) {
      expect(parseTunnelOptions({ tunnel: 'gre', udp: true, key: text })).to.deep.equal({
        ...{ kind: 'gre', udp: true, device: null },
        key,
      });
    }
    const external = { tunnel: 'external', device: 'tun0' };
    expect(parseTunnelOptions(external)).to.deep.equal({ ...none, kind: 'external', device: 'tun0' });
  });

  it('says what does not belong together, and what would', () => {
    const cases: readonly [TunnelOptions, string][] = [
      [{ tunnel: 'ipsec' }, '--tunnel "ipsec" is not a tunnel'],
      [{ tunnel: 'WireGuard' }, '--tunnel "WireGuard" is not a tunnel'],
      [{ udp: true }, '--udp belongs to GRE'],
      [{ key: '1' }, '--key belongs to GRE'],
      [{ tunnel: 'wireguard', key: '1' }, '--key belongs to GRE'],
      [{ tunnel: 'external', device: 'tun0', udp: true }, '--udp belongs to GRE'],
      [{ device: 'tun0' }, '--device belongs to an external tunnel'],
      [{ tunnel: 'gre', device: 'tun0' }, '--device belongs to an external tunnel'],
      [{ tunnel: 'external' }, 'an external tunnel needs the device that leads to the backend'],
      [{ tunnel: 'external', device: 'tun0;reboot' }, '"tun0;reboot" is not a device name'],
      [{ tunnel: 'external', device: '' }, '"" is not a device name'],
      [{ tunnel: 'external', device: 'a-name-too-long1' }, '"a-name-too-long1" is not a device name'],
    ];
    for (const [options, message] of cases) {
      const { code, message: said, hint } = wrong(options);
      expect([code, said], JSON.stringify(options)).to.deep.equal(['bad-input', message]);
      expect(hint ?? '', JSON.stringify(options)).to.not.equal('');
    }
  });

  it('takes no key that is none', () => {
    for (const key of ['x', '', '-1', '1.5', '1e3', '0x10', ' 1', '4294967296', '99999999999', '٤']) {
      expect(wrong({ tunnel: 'gre', key }).message, key).to.equal(
        `--key "${key}" is not a number from 0 to 4294967295`,
      );
    }
  });

  it('warns of what does not encrypt', () => {
    expect(tunnelWarning('gre')).to.match(/^GRE neither encrypts nor authenticates/);
    expect([tunnelWarning('wireguard'), tunnelWarning('external')]).to.deep.equal([null, null]);
  });
});
