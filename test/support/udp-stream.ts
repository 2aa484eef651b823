/** A UDP flow that goes on while a test changes something, and tells which of its datagrams were answered, and how. */
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import { script } from './scripts.js';

export interface StreamAnswer {
  readonly number: number;
  /** Whom the echo saw. */
  readonly seen: string;
  /** Where the answer came from. */
  readonly from: string;
}

export interface UdpStream {
  /** The port of its one socket. */
  readonly localPort: number;
  /** Number of the last datagram sent so far. */
  sent(): number;
  answers(): StreamAnswer[];
  /** Waits until that many more datagrams were sent; the number of the last one. */
  goesOn(datagrams: number): Promise<number>;
  /** Stops sending and gives the numbers of all datagrams that were never answered. */
  end(): Promise<number[]>;
}

const completeLines = (text: string): string[] => text.slice(0, text.lastIndexOf('\n') + 1).split('\n');

/** Starts `clients/udp-stream` towards a UDP echo. */
export const startUdpStream = async (
  node: LabNode,
  host: string,
  port: number,
  intervalMs = 10,
): Promise<UdpStream> => {
  const process = node.spawn(script('clients/udp-stream', host, String(port), String(intervalMs)));
  const [, localPort] = await process.prints(/port (\d+)/);
  const sent = (): number => completeLines(process.stdout()).filter((line) => line.startsWith('> ')).length;
  const answers = (): StreamAnswer[] =>
    completeLines(process.stdout())
      .filter((line) => line.startsWith('< '))
      .map((line) => {
        const [, number = '', seen = '', from = ''] = line.split(' ');
        return { number: Number(number), seen, from };
      });
  return {
    localPort: Number(localPort),
    sent,
    answers,
    goesOn: (datagrams) => {
      const goal = sent() + datagrams;
      return poll(`datagram ${goal} of ${process.command}`, 10_000, () => (sent() >= goal ? sent() : undefined));
    },
    end: async () => {
      await process.kill('SIGTERM');
      const answered = new Set(answers().map(({ number }) => number));
      return Array.from({ length: sent() }, (_, index) => index + 1).filter((number) => !answered.has(number));
    },
  };
};
