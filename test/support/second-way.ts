/** Another way between relay and backend, a network of their own: what a pairing's tunnel can be changed to. */
import type { Lab } from './lab.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';

/** What both call their device. */
export const secondWay = 'lan0';

/** Lays it, and waits until the kernel has given it all its addresses. */
export const laySecondWay = async ({ relay, backend }: Pick<Lab, 'relay' | 'backend'>): Promise<void> => {
  await relay.must(`ip link add ${secondWay} type veth peer name ${secondWay} netns ${backend.pid}`.split(' '));
  for (const [node, own] of [
    [relay, '10.201.0.1'],
    [backend, '10.201.0.2'],
  ] as const) {
    await node.must(['ip', 'address', 'add', `${own}/24`, 'dev', secondWay]);
    await node.must(['ip', 'link', 'set', secondWay, 'up']);
  }
  const ready = (node: LabNode) =>
    poll(`${secondWay} of ${node.name}`, 5_000, async () =>
      (await node.must(`ip -6 route show table local dev ${secondWay}`.split(' '))).includes('local fe80')
        ? true
        : undefined,
    );
  await Promise.all([relay, backend].map(ready));
};

/** Nothing that comes in by it at that machine goes any further. */
export const blockSecondWay = (node: LabNode): Promise<string> =>
  node.must(['nft', '-f', '-'], {
    input: `table netdev wall { chain in { type filter hook ingress device "${secondWay}" priority 0; policy drop; }; }\n`,
  });

export const openSecondWay = (node: LabNode): Promise<string> =>
  node.must(['nft', 'delete', 'table', 'netdev', 'wall']);
