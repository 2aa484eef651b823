/** A UDP stream of iperf3, and what became of it. */
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';

export interface UdpRun {
  /** The client's port of the stream itself. */
  readonly localPort: number;
  readonly packets: number;
}

interface Report {
  readonly start: { readonly connected?: readonly { readonly local_port: number }[] };
  readonly end: { readonly sum?: { readonly packets: number; readonly lost_packets: number } };
}

/**
 * Two seconds of datagrams, to the server or from it, of which none is lost: a machine that is busy with other things may lose
 * some of a run in its sockets' buffers, a way that loses loses of every run.
 */
export const losslessRun = (
  node: LabNode,
  host: string,
  port: number,
  direction: 'to' | 'from',
  bitrate: string,
): Promise<UdpRun> => {
  const command = `iperf3 --client ${host} --port ${port} --udp --bitrate ${bitrate} --time 2 --json`.split(' ');
  return poll(`a run of iperf3 without loss ${direction} ${host}`, 60_000, async () => {
    const { stdout } = await node.run([...command, ...(direction === 'from' ? ['--reverse'] : [])]);
    const { start, end } = JSON.parse(stdout) as Report;
    const localPort = start.connected?.[0]?.local_port;
    // It serves one test at a time and is busy for a moment after each.
    if (end.sum === undefined || localPort === undefined) return undefined;
    const { packets, lost_packets: lost } = end.sum;
    if (lost > 0) throw new Error(`lost ${lost} of ${packets}`);
    return { localPort, packets };
  });
};
