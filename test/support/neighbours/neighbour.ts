/** Other programs that mark packets and route by marks on the machine that homeward comes to. */
import { expect } from 'chai';
import type { Lab } from '../lab.js';
import type { LabNode } from '../lab-node.js';
import { tcpGet } from '../scripts.js';

export interface Neighbour {
  readonly name: string;
  /** Sets it up at the backend as its own tools do, and gives what shows that it does its work. */
  start(lab: Lab): Promise<() => Promise<void>>;
}

/** Rules of iptables or ip6tables, in the words of iptables-restore(8). */
export const restore = (node: LabNode, program: 'iptables' | 'ip6tables', input: string): Promise<string> =>
  node.must([`${program}-restore`, '--noflush'], { input });

export const ip = (node: LabNode, option: '-4' | '-6', ...lines: readonly string[]): Promise<string> =>
  node.must(['ip', option, '-batch', '-'], { input: `${lines.join('\n')}\n` });

/** A wire between two machines, with a name at either end. */
export const wire = (lab: Lab, [a, aLink]: readonly [LabNode, string], [b, bLink]: readonly [LabNode, string]) =>
  lab.internet.must(`ip link add ${aLink} netns ${a.pid} type veth peer name ${bLink} netns ${b.pid}`.split(' '));

export const forward = (node: LabNode): Promise<string> =>
  node.must(['sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);

/** A connection succeeds; the local port that it came from. */
export const connect = async (from: LabNode, host: string, port: number): Promise<number> => {
  const { localPorts, errors } = await tcpGet(from, host, port);
  expect(errors, `${from.name} to ${host} port ${port}`).to.deep.equal([]);
  return localPorts[0] ?? 0;
};
