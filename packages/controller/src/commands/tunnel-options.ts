/** `--tunnel` and what goes with it, on the command line. Pure. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import { parseLinkName } from '@homeward/shared/net/names';

export interface TunnelOptions {
  readonly tunnel?: string;
  readonly udp?: boolean;
  readonly key?: string;
  readonly device?: string;
}

const KINDS = ['wireguard', 'gre', 'external'];

/** The wish that the daemon takes; null where nothing is wished. Throws `bad-input` with what to type instead. */
export function parseTunnelOptions({ tunnel, udp, key, device }: TunnelOptions): Record<string, unknown> | null {
  if (tunnel !== undefined && !KINDS.includes(tunnel)) {
    throw new RelayError('bad-input', `--tunnel "${tunnel}" is not a tunnel`, {
      hint: `use one of ${KINDS.join(', ')}`,
    });
  }
  if ((udp === true || key !== undefined) && tunnel !== 'gre') {
    throw new RelayError('bad-input', `${udp === true ? '--udp' : '--key'} belongs to GRE`, {
      hint: 'add --tunnel gre, or leave it out',
    });
  }
  if (device !== undefined && tunnel !== 'external') {
    throw new RelayError('bad-input', '--device belongs to an external tunnel', {
      hint: `add --tunnel external, or leave it out`,
    });
  }
  if (tunnel === undefined) return null;
  if (tunnel === 'external' && device === undefined) {
    throw new RelayError('bad-input', 'an external tunnel needs the device that leads to the backend', {
      hint: 'name the one of this relay: --tunnel external --device tun0',
    });
  }
  if (device !== undefined) parseLinkName(device);
  return { kind: tunnel, udp: udp === true, key: key === undefined ? null : parseKey(key), device: device ?? null };
}

function parseKey(text: string): number {
  const key = Number(text);
  if (/^\d{1,10}$/.test(text) && key <= 0xffff_ffff) return key;
  throw new RelayError('bad-input', `--key "${text}" is not a number from 0 to 4294967295`, {
    hint: 'leave it out, or write for example --key 4711',
  });
}

/** What has to be known before such a tunnel is used, or null. */
export function tunnelWarning(kind: string): string | null {
  return kind === 'gre'
    ? 'GRE neither encrypts nor authenticates: whoever stands between can read and forge everything. WireGuard does both.'
    : null;
}
