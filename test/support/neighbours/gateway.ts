/**
 * A transparent gateway as many set one up with Clash or Xray: what the network's hosts and the machine itself send to the
 * internet is led to a proxy on this machine, which calls in its own name.
 *
 *   host ─► prerouting: TPROXY to 7893 ─► proxy ─► internet
 *   this machine ─► output: mark 666 ─► table 666: local ─► prerouting: TPROXY to 7893 ─► proxy ─► internet
 */

import { randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { expect } from 'chai';
import { endpoint } from '../endpoint.js';
import type { ProbeReport } from '../homeward.js';
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';
import { tcpGet } from '../scripts.js';

const families = ['ipv4', 'ipv6'] as const;

type Family = (typeof families)[number];

/** Whose packets are spared in the output hook: the proxy's own. */
const proxyUser = 7893;

/** Never led to the proxy: what is near. */
const near = {
  ipv4: '0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/4 240.0.0.0/4'.split(
    ' ',
  ),
  ipv6: '::1 fc00::/7 fe80::/10 ff00::/8 2001:db8:1::/64'.split(' '),
} as const satisfies Record<Family, readonly string[]>;

/** How its rules are made, in either tool. */
interface Rules {
  /** What holds them, and nothing else. */
  readonly table: string;
  /** `relay` is spared as the server of any VPN has to be. */
  add(node: LabNode, family: Family, relay: string): Promise<unknown>;
}

const restore = { ipv4: 'iptables-restore', ipv6: 'ip6tables-restore' } as const;

/** As the tutorials have it, in the words of iptables-restore(8). */
const iptablesRules = (family: Family, relay: string): string => `*mangle
:clash - [0:0]
:clash_local - [0:0]
${near[family].map((prefix) => `-A clash -d ${prefix} -j RETURN`).join('\n')}
-A clash -p tcp -j TPROXY --on-port 7893 --tproxy-mark 666
-A clash -p udp -j TPROXY --on-port 7893 --tproxy-mark 666
-A PREROUTING -j clash
${[...near[family], relay].map((prefix) => `-A clash_local -d ${prefix} -j RETURN`).join('\n')}
-A clash_local -p tcp -j MARK --set-mark 666
-A clash_local -p udp -j MARK --set-mark 666
-A OUTPUT -m owner --uid-owner ${proxyUser} -j RETURN
-A OUTPUT -j clash_local
COMMIT
`;

const nftRules = (family: Family, relay: string): string => {
  const ip = family === 'ipv4' ? 'ip' : 'ip6';
  return `table ${ip} gateway {
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    ${ip} daddr { ${near[family].join(', ')} } return
    meta l4proto { tcp, udp } tproxy to :7893 meta mark set 666 accept
  }
  chain output {
    type route hook output priority mangle; policy accept;
    meta skuid ${proxyUser} return
    ${ip} daddr { ${[...near[family], relay].join(', ')} } return
    meta l4proto { tcp, udp } meta mark set 666
  }
}
`;
};

export const gatewayTools: Readonly<Record<'iptables' | 'nft', Rules>> = {
  iptables: {
    table: 'mangle',
    add: (node, family, relay) => node.must([restore[family], '--noflush'], { input: iptablesRules(family, relay) }),
  },
  nft: {
    table: 'gateway',
    add: (node, family, relay) => node.must(['nft', '-f', '-'], { input: nftRules(family, relay) }),
  },
};

export interface Gateway {
  /** Its rules are removed and made anew, so that they stand behind what came before. */
  restart(): Promise<void>;
  /** The host's connection to a service of the internet succeeds, and went by the proxy; so did its datagram. */
  expectCaptured(from: LabNode, host: string, port: number): Promise<void>;
}

export const startGateway = async (
  node: LabNode,
  tool: Rules,
  relay: Readonly<Record<Family, string>>,
): Promise<Gateway> => {
  const addRules = async (): Promise<void> => {
    for (const family of families) await tool.add(node, family, relay[family]);
  };
  await addRules();
  for (const [option, everything] of [['-4', '0.0.0.0/0'] as const, ['-6', '::/0'] as const]) {
    const input = `rule add fwmark 666 lookup 666\nroute add local ${everything} dev lo table 666\n`;
    await node.must(['ip', option, '-batch', '-'], { input });
  }
  const place = 'ipv6-v6only=0,ip-transparent,reuseaddr';
  // Calls whom it was called for: that is the address at which it was reached.
  const proxy = startAsProxy(node, [
    `TCP6-LISTEN:7893,${place},fork`,
    'SYSTEM:socat - TCP6\\:$SOCAT_SOCKADDR\\:$SOCAT_SOCKPORT',
  ]);
  const datagrams = startAsProxy(node, ['-u', `UDP6-RECV:7893,${place}`, 'STDOUT']);
  await proxy.prints(/listening on/);
  await datagrams.prints(/starting data transfer/);
  return {
    restart: async () => {
      for (const family of ['ip', 'ip6']) await node.must(['nft', 'delete', 'table', family, tool.table]);
      await addRules();
    },
    expectCaptured: async (from, host, port) => {
      const { localPorts, errors } = await tcpGet(from, host, port);
      expect(errors, `${from.name} to ${endpoint(host, port)}`).to.deep.equal([]);
      const accepted = `:${localPorts[0]} on `;
      await poll(`${from.name}'s port ${localPorts[0]} in the proxy's log`, 2_000, () =>
        proxy.stderr().includes(accepted) ? true : undefined,
      );
      const word = randomUUID();
      const family = isIPv6(host) ? 'UDP6' : 'UDP4';
      await from.must(['socat', '-u', '-', `${family}:${endpoint(host, port)}`], { input: word });
      await poll(`${from.name}'s datagram at the proxy`, 2_000, () =>
        datagrams.stdout().includes(word) ? true : undefined,
      );
    },
  };
};

const startAsProxy = (node: LabNode, args: readonly string[]): ReturnType<LabNode['spawn']> =>
  node.spawn([
    ...['setpriv', `--reuid=${proxyUser}`, '--clear-groups', '--inh-caps=+net_admin', '--ambient-caps=+net_admin'],
    ...['socat', '-d', '-d', ...args],
  ]);

/** The commands that the hints of a red proof end with, each once. */
export const exemptionsIn = ({ results }: ProbeReport): string[] => [
  ...new Set(results.flatMap(({ hint }) => hint?.match(/: ((?:ip6?tables|nft) .*)$/)?.[1] ?? [])),
];
