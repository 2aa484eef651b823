/** Renders the configuration that `wg syncconf` reads and parses `wg show DEVICE dump` (wg(8)). */

import { RelayError } from '../errors/relay-error.js';
import { Secret } from '../net/secret.js';
import type { WireguardDevice } from '../state/resources.js';
import { naturalNumber, readListing } from './listing.js';

export interface ListedWireguard {
  readonly publicKey: string;
  readonly listenPort: number;
  readonly peers: readonly ListedPeer[];
}

export interface ListedPeer {
  readonly publicKey: string;
  readonly endpoint: string | null;
  readonly allowedIps: readonly string[];
  /** Unix time in seconds; 0 for never. */
  readonly latestHandshake: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly keepaliveSeconds: number | null;
}

/** The configuration of a device; throws `bug` for an observed device, which has no private key. */
export function renderWireguard(device: WireguardDevice): Secret {
  if (device.privateKey === null) throw new RelayError('bug', `no private key for ${device.link}`);
  const lines = ['[Interface]', `PrivateKey = ${device.privateKey.reveal()}`];
  if (device.listenPort !== null) lines.push(`ListenPort = ${device.listenPort}`);
  for (const peer of device.peers) {
    lines.push('', '[Peer]', `PublicKey = ${peer.publicKey}`, `PresharedKey = ${peer.presharedKey.reveal()}`);
    lines.push(`AllowedIPs = ${peer.allowedIps.join(', ')}`);
    if (peer.endpoint !== null) lines.push(`Endpoint = ${peer.endpoint}`);
    if (peer.keepaliveSeconds !== null) lines.push(`PersistentKeepalive = ${peer.keepaliveSeconds}`);
  }
  return new Secret(`${lines.join('\n')}\n`);
}

/** Tab-separated lines: the device first (private key, public key, port, fwmark), then a line a peer. Keys that are secret are dropped here. */
export function parseWireguardDump(dump: string): ListedWireguard {
  return readListing('wg', () => listedWireguard(dump));
}

function listedWireguard(dump: string): ListedWireguard {
  const [device, ...peers] = dump
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
  if (device === undefined || device.length !== 4) throw new RelayError('bad-input', 'no line of a device');
  return {
    publicKey: device[1] ?? '',
    listenPort: naturalNumber(device[2] ?? ''),
    peers: peers.map((fields) => {
      if (fields.length !== 8) throw new RelayError('bad-input', 'a line of a peer in another form');
      const [publicKey = '', , endpoint, allowed = '', handshake, received, sent, keepalive] = fields;
      return {
        publicKey,
        endpoint: endpoint === '(none)' ? null : (endpoint ?? null),
        allowedIps: allowed === '(none)' ? [] : allowed.split(','),
        latestHandshake: naturalNumber(handshake ?? ''),
        receivedBytes: naturalNumber(received ?? ''),
        sentBytes: naturalNumber(sent ?? ''),
        keepaliveSeconds: keepalive === 'off' ? null : naturalNumber(keepalive ?? ''),
      };
    }),
  };
}
