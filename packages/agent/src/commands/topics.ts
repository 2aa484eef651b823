/** What the agent's manual explains apart from single commands: the policy, files. */

import { packagedUnitPath, unitPath } from '@homeward/shared/service/plan';
import { RUN_DIRECTORY, stateDirectory } from '@homeward/shared/terminal/global-options';
import type { Topic } from '@homeward/shared/terminal/manual/topic';

export const DEFAULT_POLICY_FILE = '/etc/homeward/agent-policy.json';

export const POLICY: Topic = {
  name: 'policy',
  title: 'Policy',
  parts: [
    `What a relay may reach is the decision of the backend's owner, written in ${DEFAULT_POLICY_FILE}. Without the file: every port of the backend itself but SSH's, and no other host. The daemon reads it and never writes it; a change counts within seconds. What a relay asks for and does not get is shown by agent status, with the line to add.`,
    {
      items: [
        {
          term: 'ports',
          says: 'ports of the backend that may be forwarded, such as "443/tcp", "1024-2048/tcp+udp", or "all", which a relay\'s forward all needs: every port and every other protocol, ping included; SSH only if listed alone ("22/tcp")',
        },
        {
          term: 'lan',
          says: 'hosts behind the backend that may be reached, such as "192.168.1.0/24"; none without it',
        },
        { term: 'tunnels', says: 'kinds of tunnel: "wireguard", "gre", "external"; all without it' },
      ],
    },
    'An example:',
    { lines: ['{ "ports": ["443/tcp", "53/tcp+udp"], "lan": ["192.168.1.0/24"] }'] },
    'agent enroll --allow and --allow-lan write it.',
  ],
};

export const FILES: Topic = {
  name: 'files',
  title: 'Files',
  parts: [
    {
      items: [
        { term: DEFAULT_POLICY_FILE, says: 'what relays may reach (agent help policy)' },
        {
          term: stateDirectory('agent'),
          says: "keys, pairings, what is known of the kernel's state and what guards of changes said; 0700, for root alone",
        },
        {
          term: `${stateDirectory('agent')}/agent-audit.jsonl`,
          says: 'the audit log, which agent audit shows: a JSON object a line; five files of 4 MiB at most',
        },
        { term: `${RUN_DIRECTORY}/agent.sock`, says: "the daemon's socket, for root alone" },
        {
          term: unitPath('agent'),
          says: "the unit that agent enroll and agent install write, unless a package's says the same",
        },
        { term: packagedUnitPath('agent'), says: "the unit of Debian's package" },
      ],
    },
  ],
};

/** Variables that are no option's. */
export const VARIABLES = [
  { term: 'HOMEWARD_TOKEN', says: 'the token for agent enroll and agent run; --token-file wins' },
] as const;
