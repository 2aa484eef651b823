/** What the backend's owner allows a relay to reach: a file the daemon only reads. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import type { IpAddress } from '@homeward/shared/net/address';
import { EVERY_PORT, type Forward, isWhole, withExceptions } from '@homeward/shared/net/forward-spec';
import { formatPortRange, type PortRange, parsePortRange, rangeContains } from '@homeward/shared/net/port';
import { parsePortSpec } from '@homeward/shared/net/port-spec';
import { type IpPrefix, parsePrefix, prefixContains } from '@homeward/shared/net/prefix';
import { TRANSPORTS, type Transport } from '@homeward/shared/net/transport';
import { z } from 'zod';

const policySchema = z.strictObject({
  /** `443/tcp`, `1024-2048/tcp+udp`, or `all`: every port but SSH's, and every other protocol; so it is without it. */
  ports: z.array(z.string()).optional(),
  /** Prefixes of hosts behind the backend; none without it. */
  lan: z.array(z.string()).optional(),
  /** Tunnel kinds; all without it. */
  tunnels: z.array(z.enum(['wireguard', 'gre', 'external'])).optional(),
});

export type PolicyFile = z.infer<typeof policySchema>;

/** What no `ports` in the file means, written out; SSH's ports are never meant by it. */
export const DEFAULT_PORTS: readonly string[] = ['all'];

export interface PolicyPorts {
  readonly range: PortRange;
  readonly transports: readonly Transport[];
  /** Whether the other protocols are allowed, too: written as `all`. */
  readonly isWhole: boolean;
}

export interface Policy {
  readonly path: string;
  /** Null for everything. */
  readonly ports: readonly PolicyPorts[] | null;
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

function allowedPorts(path: string, entry: string): PolicyPorts {
  if (entry === 'all') return { range: EVERY_PORT, transports: TRANSPORTS, isWhole: true };
  const match = /^([\d-]+)\/(tcp|udp|tcp\+udp)$/.exec(entry);
  if (match === null)
    throw new RelayError('bad-input', `${path}: "${entry}" is neither all nor a port such as 443/tcp`);
  const [, ports = '', transports = ''] = match;
  return {
    range: inFile(path, () => parsePortRange(ports)),
    transports: TRANSPORTS.filter((transport) => transports.split('+').includes(transport)),
    isWhole: false,
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
      !isWhole(forward) &&
      forward.transports.includes('tcp') &&
      rangeContains(forward.targetPorts, port) &&
      !isListedAlone(policy, port),
  );
  if (ssh !== undefined) {
    return sshReason(policy, ssh);
  }
  if (policy.ports === null) return null;
  if (isWhole(forward)) {
    const isAllowed = policy.ports.some((ports) => ports.isWhole);
    return isAllowed ? null : `not allowed by ${policy.path}; to allow it, add "all" to "ports"`;
  }
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

function sshReason({ path }: Policy, ssh: number): string {
  return `port ${ssh} is the backend's SSH; to allow it, add "${ssh}/tcp" to "ports" in ${path} (agent enroll --allow)`;
}

/** An allowed forward without what it does not mean: of an `all` SSH's ports, each with the reason. Others as they are. */
export function withoutSsh(
  policy: Policy,
  forward: Forward,
  own: OwnSide,
): { readonly forward: Forward; readonly refused: readonly { readonly spec: string; readonly reason: string }[] } {
  const ports = isWhole(forward) ? own.sshPorts.filter((ssh) => !isListedAlone(policy, ssh)) : [];
  if (ports.length === 0) return { forward, refused: [] };
  const specs = ports.map((ssh) => parsePortSpec(`${ssh}/tcp`));
  return {
    forward: withExceptions(forward, specs),
    refused: ports.map((ssh) => ({ spec: `${ssh}/tcp`, reason: `not part of all: ${sshReason(policy, ssh)}` })),
  };
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
