/** WireGuard's configuration and its recorded dump. */

import { parseWireguardDump, renderWireguard } from '@homeward/shared/kernel/wireguard';
import { parseLinkName } from '@homeward/shared/net/names';
import { Secret } from '@homeward/shared/net/secret';
import type { WireguardDevice } from '@homeward/shared/state/resources';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { recorded } from './recorded.js';

const DEVICE: WireguardDevice = {
  kind: 'wireguard-device',
  link: parseLinkName('hw1'),
  privateKey: new Secret('PRIVATE'),
  publicKey: 'PUBLIC',
  listenPort: 51_820,
  peers: [
    {
      publicKey: 'FIRST',
      presharedKey: new Secret('SHARED'),
      allowedIps: ['0.0.0.0/0', '::/0'],
      endpoint: '198.51.100.1:51820',
      keepaliveSeconds: 25,
    },
    {
      publicKey: 'SECOND',
      presharedKey: new Secret('OTHER'),
      allowedIps: ['10.77.16.3/32'],
      endpoint: null,
      keepaliveSeconds: null,
    },
  ],
};

describe('kernel/wireguard', () => {
  it('renders what wg syncconf reads', () => {
    expect(renderWireguard(DEVICE).reveal().split('\n')).to.deep.equal([
      '[Interface]',
      'PrivateKey = PRIVATE',
      'ListenPort = 51820',
      '',
      '[Peer]',
      'PublicKey = FIRST',
      'PresharedKey = SHARED',
      'AllowedIPs = 0.0.0.0/0, ::/0',
      'Endpoint = 198.51.100.1:51820',
      'PersistentKeepalive = 25',
      '',
      '[Peer]',
      'PublicKey = SECOND',
      'PresharedKey = OTHER',
      'AllowedIPs = 10.77.16.3/32',
      '',
    ]);
  });

  it('leaves the port to the kernel where none is wanted', () => {
    expect(renderWireguard({ ...DEVICE, listenPort: null }).reveal()).to.not.include('ListenPort');
  });

  it('configures no device whose key it does not have', () => {
    expect(thrownBy(() => renderWireguard({ ...DEVICE, privateKey: null })).code).to.equal('bug');
  });

  it('reads the recorded dump and drops the secret keys', () => {
    const dump = recorded('wireguard-dump.txt');
    const device = parseWireguardDump(dump);
    const [line = ''] = dump.split('\n');
    expect(device.listenPort).to.equal(51_999);
    expect(device.publicKey).to.equal(line.split('\t')[1]);
    expect(device.peers).to.have.lengthOf(2);
    const called = device.peers.find((peer) => peer.endpoint !== null);
    expect(called).to.include({
      endpoint: '198.51.100.1:51820',
      keepaliveSeconds: 25,
      latestHandshake: 0,
      sentBytes: 148,
    });
    expect(called?.allowedIps).to.deep.equal(['0.0.0.0/0', '::/0']);
    const caller = device.peers.find((peer) => peer.endpoint === null);
    expect(caller).to.include({ keepaliveSeconds: null, receivedBytes: 0 });
    expect(caller?.allowedIps).to.deep.equal(['10.77.16.3/32']);
    const secrets = [line.split('\t')[0], ...dump.split('\n').map((peer) => peer.split('\t')[1])];
    for (const secret of secrets.filter(
      (text) => text !== undefined && text !== '(none)' && text !== device.publicKey,
    )) {
      expect(JSON.stringify(device)).to.not.include(secret);
    }
  });

  it('reads a device without keys or peers', () => {
    expect(parseWireguardDump('(none)\t(none)\t0\toff\n')).to.deep.equal({
      publicKey: '(none)',
      listenPort: 0,
      peers: [],
    });
  });

  it('refuses a dump of another form', () => {
    for (const dump of ['', 'a\tb\tc\n', `a\tb\t1\toff\nkey\t(none)\n`]) {
      expect(thrownBy(() => parseWireguardDump(dump)).code).to.equal('command-failed');
    }
  });
});
