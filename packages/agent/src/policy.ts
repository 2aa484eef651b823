/** What the backend's owner allows a relay to reach: a file the daemon only reads. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { IpAddress } from '@homeward/shared/net/address';
import type { Forward, Transport } from '@homeward/shared/net/forward-spec';
import { formatPortRange, type PortRange, parsePortRange, rangeContains } from '@homeward/shared/net/port';
import { type IpPrefix, parsePrefix, prefixContains } from '@homeward/shared/net/prefix';
import { z } from 'zod';

const policySchema = z.strictObject({
  /** `443/tcp`, `1024-2048/tcp+udp`; without it: every port but SSH's. */
  ports: z.array(z.string()).optional(),
  /** Prefixes of hosts behind the backend; none without it. */
  lan: z.array(z.string()).optional(),
  /** Tunnel kinds; all without it. */
  tunnels: z.array(z.enum(['wireguard', 'gre', 'external'])).optional(),
});

export type PolicyFile = z.infer<typeof policySchema>;

/** What no `ports` in the file means, written out; SSH's ports are never meant by a range. */
export const DEFAULT_PORTS: readonly string[] = ['1-65535/tcp+udp'];

export interface Policy {
  readonly path: string;
  readonly ports: readonly { readonly range: PortRange; readonly transports: readonly Transport[] }[] | null;
  readonly lan: readonly IpPrefix[];
  readonly tunnels: readonly string[] | null;
}

/** Reads the policy; no file means the default one. Throws `bad-input` for a file that is not a policy: never the default instead of what the owner wrote. */
export async function readPolicy(path: string): Promise<Policy> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return parsePolicy(path, {});
    throw new RelayError('permission', `cannot read the policy ${path}`, { cause: error });
  }
  return parsePolicy(path, parseJson(path, text));
}

/** A policy from the content of its file. */
export function parsePolicy(path: string, content: unknown): Policy {
  const parsed = policySchema.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new RelayError('bad-input', `${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'wrong'}`, {
      hint: 'example: {"ports": ["443/tcp", "53/udp"], "lan": ["192.168.1.0/24"]}',
    });
  }
  const { ports, lan, tunnels } = parsed.data;
  return {
    path,
    ports: ports?.map((entry) => allowedPorts(path, entry)) ?? null,
    lan: (lan ?? []).map((prefix) => inFile(path, () => parsePrefix(prefix))),
    tunnels: tunnels ?? null,
  };
}

/** Puts the file in front of an error in one of its lines. */
function inFile<Value>(path: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    throw new RelayError(error.code, `${path}: ${error.message}`, { hint: error.hint, cause: error });
  }
}

/** The file's JSON; throws `bad-input` naming the file. */
export function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RelayError('bad-input', `${path} is not JSON: ${(error as Error).message}`, {
      hint: 'mend it, for example: {"ports": ["443/tcp", "53/udp"], "lan": ["192.168.1.0/24"]}',
      cause: error,
    });
  }
}

function allowedPorts(path: string, entry: string): { range: PortRange; transports: readonly Transport[] } {
  const match = /^([\d-]+)\/(tcp|udp|tcp\+udp)$/.exec(entry);
  if (match === null) throw new RelayError('bad-input', `${path}: "${entry}" is not a port such as 443/tcp`);
  const [, ports = '', transports = ''] = match;
  return {
    range: inFile(path, () => parsePortRange(ports)),
    transports: (['tcp', 'udp'] as const).filter((transport) => transports.split('+').includes(transport)),
  };
}

/** What of the machine the policy depends on. */
export interface OwnSide {
  /** TCP ports of the backend's own SSH. */
  readonly sshPorts: readonly number[];
  /** The backend's own addresses. */
  readonly addresses: readonly string[];
}

/** Null when the forward is allowed; else the reason, with the line to add to the policy. SSH has to be listed by its own port: a range that happens to cover it does not mean it. */
export function refusalReason(policy: Policy, forward: Forward, own: OwnSide): string | null {
  if (forward.targetHost !== null) return lanRefusal(policy, forward, own);
  const ssh = own.sshPorts.find(
    (port) =>
      forward.transports.includes('tcp') && rangeContains(forward.targetPorts, port) && !isListedAlone(policy, port),
  );
  if (ssh !== undefined) {
    const alone = `"${ssh}/tcp"`;
    return `port ${ssh} is the backend's SSH; to allow it, add ${alone} to "ports" in ${policy.path} (agent enroll --allow)`;
  }
  if (policy.ports === null) return null;
  const allowed = forward.transports.every((transport) =>
    policy.ports?.some(
      ({ range, transports }) =>
        transports.includes(transport) &&
        range.first <= forward.targetPorts.first &&
        range.last >= forward.targetPorts.last,
    ),
  );
  if (allowed) return null;
  const line = `"${formatPortRange(forward.targetPorts)}/${forward.transports.join('+')}"`;
  return `not allowed by ${policy.path}; to allow it, add ${line} to "ports"`;
}

function isListedAlone(policy: Policy, port: number): boolean {
  return (
    policy.ports?.some(
      ({ range, transports }) => transports.includes('tcp') && range.first === port && range.last === port,
    ) === true
  );
}

function lanRefusal(policy: Policy, forward: Forward, own: OwnSide): string | null {
  const host = forward.targetHost;
  if (host === null) return null;
  const line = `"${host}/${host.includes(':') ? 128 : 32}"`;
  if (isNeverATarget(host)) return `${host} is loopback, link-local or a metadata address and never a target`;
  if (own.addresses.includes(host)) return `${host} is this backend itself; forward to the port without an address`;
  if (policy.lan.some((prefix) => prefixContains(prefix, host))) return null;
  return `${host} is not allowed by ${policy.path}; to allow it, add ${line} to "lan"`;
}

/** Loopback, link-local (clouds keep their metadata service there; AWS has fd00:ec2::254), this-network, mapped, multicast and above. */
const NEVER_TARGETS = [
  ...['127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '224.0.0.0/3'],
  ...['::/127', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8', 'fd00:ec2::/32'],
].map(parsePrefix);

/** True for an address that no relay may lead to. */
export function isNeverATarget(host: IpAddress): boolean {
  return NEVER_TARGETS.some((prefix) => prefixContains(prefix, host));
}
