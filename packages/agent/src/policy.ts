/** What the backend's owner allows a relay to reach: a file the daemon only reads. */

import { readFile } from 'node:fs/promises';
import { RelayError } from '@homeward/shared/errors/relay-error';
import { type Forward, parseForward, portMappings, type Transport } from '@homeward/shared/net/forward-spec';
import { ipv4PrefixContains, parseIpv4Prefix } from '@homeward/shared/net/ipv4';
import { formatPortRange, type PortRange, parsePortRange, rangesOverlap } from '@homeward/shared/net/port';
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

/** What no `ports` in the file means, written out: everything but SSH's usual port. */
export const DEFAULT_PORTS: readonly string[] = ['1-21/tcp', '23-65535/tcp', '1-65535/udp'];

export interface Policy {
  readonly path: string;
  readonly ports: readonly { readonly range: PortRange; readonly transports: readonly Transport[] }[] | null;
  readonly lan: readonly ReturnType<typeof parseIpv4Prefix>[];
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
    lan: (lan ?? []).map(parseIpv4Prefix),
    tunnels: tunnels ?? null,
  };
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RelayError('bad-input', `${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function allowedPorts(path: string, entry: string): { range: PortRange; transports: readonly Transport[] } {
  const forward = parseForward(entry);
  if (forward.address !== null || forward.targetHost !== null || entry.includes('=')) {
    throw new RelayError('bad-input', `${path}: "${entry}" is not a port such as 443/tcp`);
  }
  return { range: parsePortRange(entry.split('/')[0] ?? ''), transports: forward.transports };
}

/** Null when the forward is allowed; else the reason, with the line to add to the policy. `sshPorts` are the backend's own. */
export function refusalReason(policy: Policy, forward: Forward, sshPorts: readonly number[]): string | null {
  if (forward.targetHost !== null) return lanRefusal(policy, forward);
  const ports = formatPortRange(forward.targetPorts);
  const line = `"${ports}/${forward.transports.join('+')}"`;
  if (policy.ports === null) {
    const ssh = portMappings(forward).find(
      (mapping) => mapping.transport === 'tcp' && sshPorts.includes(mapping.targetPort),
    );
    if (ssh === undefined) return null;
    return `port ${ssh.targetPort} is the backend's SSH; to allow it, list it in ${policy.path}: {"ports": [${line}]}`;
  }
  const allowed = forward.transports.every((transport) =>
    policy.ports?.some(
      ({ range, transports }) =>
        transports.includes(transport) &&
        rangesOverlap(range, forward.targetPorts) &&
        range.first <= forward.targetPorts.first &&
        range.last >= forward.targetPorts.last,
    ),
  );
  return allowed ? null : `not allowed by ${policy.path}; to allow it, add ${line} to "ports"`;
}

function lanRefusal(policy: Policy, forward: Forward): string | null {
  const host = forward.targetHost;
  if (host === null) return null;
  const line = `"${host}/32"`;
  if (isNeverATarget(host)) return `${host} is loopback, link-local or a metadata address and never a target`;
  if (policy.lan.some((prefix) => ipv4PrefixContains(prefix, host))) return null;
  return `${host} is not allowed by ${policy.path}; to allow it, add ${line} to "lan"`;
}

/** Loopback, link-local (clouds keep their metadata service there), this-network, multicast and above. */
function isNeverATarget(host: NonNullable<Forward['targetHost']>): boolean {
  return ['127.0.0.0/8', '169.254.0.0/16', '0.0.0.0/8', '224.0.0.0/3'].some((prefix) =>
    ipv4PrefixContains(parseIpv4Prefix(prefix), host),
  );
}
