/** A UDP client that speaks when it is told to, and how long conntrack still keeps its flow. */
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import { script } from './scripts.js';

export interface UdpTalk {
  /** The port of its one socket. */
  readonly localPort: number;
  say(text: string): void;
  /** Waits for a datagram that it had not heard before this call, and gives it as `FROM TEXT`. */
  hears(what: string, trigger: () => unknown): Promise<string>;
}

/** Starts `clients/udp-talk`. */
export const startUdpTalk = async (node: LabNode, host: string, port: number): Promise<UdpTalk> => {
  const process = node.spawn(script('clients/udp-talk', host, String(port)), { interactive: true });
  const [, localPort] = await process.prints(/port (\d+)/);
  const heard = (): string[] =>
    process
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('< '))
      .map((line) => line.slice(2));
  return {
    localPort: Number(localPort),
    say: (text) => process.type(`${text}\n`),
    hears: async (what, trigger) => {
      const before = heard().length;
      await trigger();
      return poll(what, 5_000, () => heard()[before]);
    },
  };
};

/** Seconds until the machine's conntrack forgets the UDP flow of a client's port, unless it goes on; null where it knows none. */
export const secondsLeft = async (node: LabNode, family: 4 | 6, clientPort: number): Promise<number | null> => {
  const listed = await node.must([
    ...['conntrack', '-L', '-f', family === 6 ? 'ipv6' : 'ipv4', '-p', 'udp'],
    ...['--orig-port-src', String(clientPort)],
  ]);
  const seconds = /^udp\s+17\s+(\d+)\s/m.exec(listed)?.[1];
  return seconds === undefined ? null : Number(seconds);
};
