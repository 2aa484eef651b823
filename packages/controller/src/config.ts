/** Settings of the relay: flags win over `/etc/homeward/controller.json`, which wins over the defaults. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { systemErrorText } from '@homeward/shared/host/system-error';
import { isDialUrl } from '@homeward/shared/net/dial-url';
import { type Port, parsePort } from '@homeward/shared/net/port';
import { type Ipv4Prefix, PRIVATE_IPV4, parseIpv4Prefix, prefixesOverlap } from '@homeward/shared/net/prefix';
import { inSetting } from '@homeward/shared/terminal/setting';
import { z } from 'zod';

export const DEFAULT_CONTROL_PORT = 7700;
export const DEFAULT_WIREGUARD_PORT = 51_820;
export const DEFAULT_CONFIG_FILE = '/etc/homeward/controller.json';

/** Every address of both families. */
const DEFAULT_LISTEN = { host: '::', port: DEFAULT_CONTROL_PORT };

const fileSchema = z.strictObject({
  listen: z.string().optional(),
  endpoints: z.array(z.string()).optional(),
  wireguardPort: z.int().min(1).max(65_535).optional(),
  pool: z.string().optional(),
  repair: z.boolean().optional(),
});

export interface ServeFlags {
  /** A settings file in place of the usual one; it has to be there. */
  readonly config?: string | undefined;
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
export async function loadSettings(flags: ServeFlags, usualFile: string): Promise<Settings> {
  const path = flags.config ?? usualFile;
  const file = await readConfigFile(path, flags.config !== undefined);
  const listen = parseGiven('--listen', flags.listen, `${path}: listen`, file.listen, parseListen) ?? DEFAULT_LISTEN;
  const endpointSetting = flags.endpoint === undefined ? `${path}: endpoints` : '--endpoint';
  return {
    listen,
    endpoints: (flags.endpoint ?? file.endpoints ?? []).map((endpoint) =>
      endpointUrl(endpoint, listen.port, endpointSetting),
    ),
    wireguardPort:
      flags.wireguardPort === undefined ? (file.wireguardPort ?? null) : parseWireguardPort(flags.wireguardPort),
    pool: parseGiven('--pool', flags.pool, `${path}: pool`, file.pool, parsePool),
    repair: flags.repair && file.repair !== false,
  };
}

/** The flag's value, else the file's, else null; `parse` gets the name by which it was given. */
function parseGiven<Value>(
  flag: string,
  fromFlag: string | undefined,
  line: string,
  fromFile: string | undefined,
  parse: (text: string, setting: string) => Value,
): Value | null {
  if (fromFlag !== undefined) return parse(fromFlag, flag);
  return fromFile === undefined ? null : parse(fromFile, line);
}

const FILE_EXAMPLE = 'example: {"listen": "[::]:7700", "endpoints": ["relay.example.org"], "wireguardPort": 51820}';

async function readConfigFile(path: string, mustExist: boolean): Promise<z.infer<typeof fileSchema>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return {};
    throw new RelayError(
      code === 'EACCES' ? 'permission' : 'bad-input',
      `cannot read the settings file ${path}: ${systemErrorText(error)}`,
      { hint: `name a file with --config, or leave it out to use ${DEFAULT_CONFIG_FILE}`, cause: error },
    );
  }
  return parseConfigFile(path, text);
}

function parseConfigFile(path: string, text: string): z.infer<typeof fileSchema> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new RelayError('bad-input', `${path} is not JSON: ${(error as Error).message}`, {
      hint: FILE_EXAMPLE,
      cause: error,
    });
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RelayError('bad-input', [path, ...(issue?.path ?? []), issue?.message].join(': '), {
    hint: FILE_EXAMPLE,
    cause: parsed.error,
  });
}

function parseWireguardPort(text: string): Port {
  return inSetting('--wireguard-port', String(DEFAULT_WIREGUARD_PORT), () => parsePort(text));
}

/** `7700`, `HOST:7700`, `[::]:7700`. */
export function parseListen(text: string, setting = '--listen'): { host: string; port: number } {
  const full = /^\d+$/.test(text) ? `[::]:${text}` : text;
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(full);
  const [, ipv6, host, port = ''] = match ?? [];
  if (match === null || (ipv6 !== undefined && !isHost(`[${ipv6}]`))) {
    throw new RelayError('bad-input', `${setting} "${text}" is not an address and port`, {
      hint: `example: ${setting} [::]:7700`,
    });
  }
  return {
    host: ipv6 ?? (host || '::'),
    port: inSetting(setting, '[::]:7700', () => parsePort(port)),
  };
}

/** `HOST`, `HOST:PORT`, `[V6]:PORT`, or a ws:// or wss:// URL. */
export function endpointUrl(text: string, defaultPort: number, setting = '--endpoint'): string {
  if (/^wss?:\/\//.test(text)) {
    if (isDialUrl(text)) return text;
  } else {
    const match = /^(\[[^\]]*\]|[A-Za-z0-9.-]+)(?::(\d+))?$/.exec(text);
    const [, host = '', port = String(defaultPort)] = match ?? [];
    if (isHost(host)) {
      return `ws://${host}:${inSetting(setting, 'relay.example.org:7700', () => parsePort(port))}`;
    }
  }
  const example = isHost(`[${text}]`) ? `[${text}]` : 'relay.example.org, or wss://relay.example.org/homeward';
  throw new RelayError('bad-input', `${setting} "${text}" is not a host or URL`, {
    hint: `example: ${setting} ${example}`,
  });
}

/** A name, an IPv4 address, or an IPv6 address in brackets, as a URL may have it. */
function isHost(text: string): boolean {
  return text !== '' && URL.canParse(`ws://${text}/`);
}

function parsePool(text: string, setting: string): Ipv4Prefix {
  const example = '10.77.0.0/20';
  const hint = `example: ${setting} ${example}`;
  const pool = inSetting(setting, example, () => parseIpv4Prefix(text));
  if (pool.length < 8 || pool.length > 28) {
    throw new RelayError('bad-input', `${setting} ${text}: the prefix must be between /8 and /28`, { hint });
  }
  if (!PRIVATE_IPV4.some((prefix) => prefixesOverlap(prefix, pool) && prefix.length <= pool.length)) {
    throw new RelayError(
      'bad-input',
      `${setting} ${text} is not private: backends refuse a tunnel address that may be somebody's`,
      { hint },
    );
  }
  return pool;
}
