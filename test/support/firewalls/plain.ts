/** A ruleset that an administrator could have written: it drops, and nobody else may change it. */
import type { Undo } from '../foreign.js';
import type { LabNode } from '../lab-node.js';

/** A table of nft that drops what matches, in a hook. */
export const addDropping = async (
  node: LabNode,
  hook: 'input' | 'forward' | 'output',
  match: string,
): Promise<Undo> => {
  const input = `table inet dropping {
  chain ${hook} {
    type filter hook ${hook} priority filter + 10; policy accept;
    ${match} counter drop comment "by the administrator"
  }
}
`;
  await node.must(['nft', '-f', '-'], { input });
  return async () => {
    await node.must(['nft', 'delete', 'table', 'inet', 'dropping']);
  };
};
