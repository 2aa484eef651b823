/** What came out of a tunnel at the backend, and what of it got past every filter: counted by rules of the test's own. */
import type { LabNode } from './lab-node.js';

export interface Witnessed {
  /** `SOURCE DESTINATION PROTOCOL` of all that came out of the tunnel. */
  readonly arrived: Set<string>;
  /** `SOURCE DESTINATION PROTOCOL PORT` of what got past; without a port where the protocol has none. */
  readonly delivered: Set<string>;
  /** Packets that came out of the tunnel. */
  readonly packets: number;
}

const families = ['ip', 'ip6'] as const;
const typeOf = { ip: 'ipv4_addr', ip6: 'ipv6_addr' } as const;

const sets = families.flatMap((family) => {
  const flow = `${typeOf[family]} . ${typeOf[family]} . inet_proto`;
  return [
    `set arrived-${family} { type ${flow}; flags dynamic; size 65535; }`,
    `set delivered-other-${family} { type ${flow}; flags dynamic; size 65535; }`,
    `set delivered-${family} { type ${flow} . inet_service; flags dynamic; size 65535; }`,
  ];
});

const chain = (name: string, hook: string, rules: (family: 'ip' | 'ip6') => readonly string[]): string[] => [
  `chain ${name} {`,
  `type filter hook ${hook}; policy accept;`,
  ...families.flatMap(rules),
  '}',
];

const flowOf = (family: string): string => `${family} saddr . ${family} daddr . meta l4proto`;
const ofFamily = (family: string): string => `meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`;

/** First thing when it comes out of `link`, and last thing before a socket gets it or it leaves for another host. */
export const placeWitness = (node: LabNode, link: string): Promise<string> => {
  const past = (family: string): string[] => [
    `iifname "${link}" ${ofFamily(family)} meta l4proto { tcp, udp } add @delivered-${family} { ${flowOf(family)} . th dport }`,
    `iifname "${link}" ${ofFamily(family)} meta l4proto != { tcp, udp } add @delivered-other-${family} { ${flowOf(family)} }`,
  ];
  return node.must(['nft', '-f', '-'], {
    input: [
      'table inet witness {',
      'counter everything { }',
      ...sets,
      ...chain('arrival', 'prerouting priority -450', (family) => [
        `iifname "${link}" ${ofFamily(family)} counter name "everything" add @arrived-${family} { ${flowOf(family)} }`,
      ]),
      ...chain('input', 'input priority 500', past),
      ...chain('forward', 'forward priority 500', past),
      '}',
      // A table of its own: so many ports would make every look at the other one slow.
      'table inet swept {',
      'set tcp-ports { type inet_service; flags dynamic; size 65535; }',
      'set udp-ports { type inet_service; flags dynamic; size 65535; }',
      ...chain('arrival', 'prerouting priority -450', (family) =>
        (['tcp', 'udp'] as const).map(
          (transport) =>
            `iifname "${link}" ${ofFamily(family)} ${transport} dport 1-65535 add @${transport}-ports { th dport }`,
        ),
      ),
      '}',
      '',
    ].join('\n'),
  });
};

/** The ports for which something came out of the tunnel since `forgetSwept`. */
export const sweptPorts = async (node: LabNode, transport: 'tcp' | 'udp'): Promise<Set<number>> => {
  const { nftables } = await node.json<{ nftables: { set?: { elem?: (number | { elem: { val: number } })[] } }[] }>(
    `nft -j list set inet swept ${transport}-ports`.split(' '),
  );
  const elements = nftables.flatMap(({ set }) => set?.elem ?? []);
  return new Set(elements.map((element) => (typeof element === 'number' ? element : element.elem.val)));
};

export const forgetSwept = async (node: LabNode): Promise<void> => {
  for (const transport of ['tcp', 'udp']) await node.must(`nft flush set inet swept ${transport}-ports`.split(' '));
};

type Element = { concat: (string | number)[] } | { elem: { val: { concat: (string | number)[] } } };

/** All that was seen so far. */
export const witnessed = async (node: LabNode): Promise<Witnessed> => {
  const { nftables } = await node.json<{
    nftables: { set?: { name: string; elem?: Element[] }; counter?: { packets: number } }[];
  }>('nft -j list table inet witness'.split(' '));
  const of = (name: string): Set<string> =>
    new Set(
      nftables
        .flatMap(({ set }) => (set?.name.startsWith(name) === true ? (set.elem ?? []) : []))
        .map((element) => ('elem' in element ? element.elem.val.concat : element.concat).join(' ')),
    );
  const packets = nftables.reduce((sum, { counter }) => sum + (counter?.packets ?? 0), 0);
  return { arrived: of('arrived'), delivered: of('delivered'), packets };
};
