/** Rules that other programs of the machine could have made: masquerading, in both styles and at any priority. */
import type { LabNode } from './lab-node.js';

/** Undoes what was added. */
export type Undo = () => Promise<void>;

/** An nft table with an unconditional masquerade in postrouting at the given priority (srcnat is 100). */
export const addNftMasquerade = async (node: LabNode, priority: number, outgoing?: string): Promise<Undo> => {
  const condition = outgoing === undefined ? '' : `oifname "${outgoing}" `;
  const input = `table ip foreign_nat {
  chain postrouting {
    type nat hook postrouting priority ${priority}; policy accept;
    ${condition}masquerade
  }
}
`;
  await node.must(['nft', '-f', '-'], { input });
  return async () => {
    await node.must(['nft', 'delete', 'table', 'ip', 'foreign_nat']);
  };
};

/** `iptables -t nat -A POSTROUTING -j MASQUERADE`, as half of the tutorials have it. */
export const addIptablesMasquerade = async (node: LabNode): Promise<Undo> => {
  const rule = (action: '-A' | '-D'): string[] => ['iptables', '-t', 'nat', action, 'POSTROUTING', '-j', 'MASQUERADE'];
  await node.must(rule('-A'));
  return async () => {
    await node.must(rule('-D'));
  };
};
