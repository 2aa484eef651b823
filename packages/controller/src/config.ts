/** Settings of the relay: flags win over `/etc/homeward/controller.json`, which wins over the defaults. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { parsePort } from '@homeward/shared/net/port';
import { type Ipv4Prefix, parseIpv4Prefix, prefixesOverlap } from '@homeward/shared/net/prefix';
import { z } from 'zod';

export const DEFAULT_CONTROL_PORT = 7700;
export const DEFAULT_WIREGUARD_PORT = 51_820;
export const DEFAULT_CONFIG_FILE = '/etc/homeward/controller.json';

const fileSchema = z.strictObject({
  listen: z.string().optional(),
  endpoints: z.array(z.string()).optional(),
  wireguardPort: z.int().min(1).max(65_535).optional(),
  pool: z.string().optional(),
  repair: z.boolean().optional(),
});

export interface ServeFlags {
  readonly listen?: string | undefined;
  readonly endpoint?: readonly string[] | undefined;
  readonly wireguardPort?: string | undefined;
  readonly pool?: string | undefined;
  readonly repair: boolean;
}

export interface Settings {
  readonly listen: { readonly host: string; readonly port: number };
  /** URLs agents dial; empty for the address of the uplink. */
  readonly endpoints: readonly string[];
  /** Null when not given: the default, or the next free one. */
  readonly wireguardPort: number | null;
  /** Null when not given: chosen once at random. */
  readonly pool: Ipv4Prefix | null;
  readonly repair: boolean;
}

/** Throws `bad-input` for a setting that makes no sense, saying where it stands. */
export async function loadSettings(flags: ServeFlags, configFile: string): Promise<Settings> {
  const file = await readConfigFile(configFile);
  const listen = parseListen(flags.listen ?? file.listen ?? `[::]:${DEFAULT_CONTROL_PORT}`);
  const pool = flags.pool ?? file.pool;
  return {
    listen,
    endpoints: (flags.endpoint ?? file.endpoints ?? []).map((endpoint) => endpointUrl(endpoint, listen.port)),
    wireguardPort: flags.wireguardPort === undefined ? (file.wireguardPort ?? null) : parsePort(flags.wireguardPort),
    pool: pool === undefined ? null : parsePool(pool),
    repair: flags.repair && file.repair !== false,
  };
}

async function readConfigFile(path: string): Promise<z.infer<typeof fileSchema>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new RelayError('permission', `cannot read ${path}`, { cause: error });
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const reason = issue === undefined ? (error as Error).message : `${issue.path.join('.')}: ${issue.message}`;
    throw new RelayError('bad-input', `${path}: ${reason}`, { cause: error });
  }
}

/** `7700`, `HOST:7700`, `[::]:7700`. */
export function parseListen(text: string): { host: string; port: number } {
  const full = /^\d+$/.test(text) ? `[::]:${text}` : text;
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(full);
  const [, ipv6, host, port = ''] = match ?? [];
  if (match === null || (ipv6 !== undefined && !isHost(`[${ipv6}]`))) {
    throw new RelayError('bad-input', `--listen "${text}" is not an address and port`, {
      hint: 'example: --listen [::]:7700',
    });
  }
  return { host: ipv6 ?? (host || '::'), port: parsePort(port) };
}

/** `HOST`, `HOST:PORT`, `[V6]:PORT`, or a ws:// or wss:// URL. */
export function endpointUrl(text: string, defaultPort: number): string {
  if (/^wss?:\/\//.test(text)) {
    if (URL.canParse(text)) return text;
  } else {
    const match = /^(\[[^\]]*\]|[A-Za-z0-9.-]+)(?::(\d+))?$/.exec(text);
    const [, host = '', port = String(defaultPort)] = match ?? [];
    if (isHost(host)) return `ws://${host}:${parsePort(port)}`;
  }
  throw new RelayError('bad-input', `--endpoint "${text}" is not a host or URL`, {
    hint: 'example: --endpoint relay.example.org or --endpoint wss://relay.example.org/homeward',
  });
}

/** A name, an IPv4 address, or an IPv6 address in brackets, as a URL may have it. */
function isHost(text: string): boolean {
  return text !== '' && URL.canParse(`ws://${text}/`);
}

/** RFC 1918 and RFC 6598. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(parseIpv4Prefix);

function parsePool(text: string): Ipv4Prefix {
  const pool = parseIpv4Prefix(text);
  if (pool.length < 8 || pool.length > 28) {
    throw new RelayError('bad-input', `--pool ${text}: the prefix must be between /8 and /28`, {
      hint: 'example: --pool 10.77.0.0/20',
    });
  }
  if (!PRIVATE.some((prefix) => prefixesOverlap(prefix, pool) && prefix.length <= pool.length)) {
    throw new RelayError(
      'bad-input',
      `--pool ${text} is not private: backends refuse a tunnel address that may be somebody's`,
      {
        hint: 'example: --pool 10.77.0.0/20',
      },
    );
  }
  return pool;
}
