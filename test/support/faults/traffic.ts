/** What passes while something is broken: a UDP flow with a datagram each 10 ms, and a TCP connection that speaks as often. */
import type { LabNode } from '../lab-node.js';
import { poll } from '../poll.js';
import { script } from '../scripts.js';
import { startUdpStream } from '../udp-stream.js';

/** The traffic so far, as counts that only grow. */
export interface Passed {
  /** Datagrams sent. */
  readonly sent: number;
  /** Connections that ended. */
  readonly ended: number;
}

export interface Traffic {
  now(): Passed;
  /** Waits until both flows are answered for what was sent from now on. */
  flows(limitMs: number): Promise<void>;
  /** Ends the flows; the numbers of datagrams that were never answered. */
  end(): Promise<number[]>;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

export const startTraffic = async (client: LabNode, host: string, udp: number, tcp: number): Promise<Traffic> => {
  const stream = await startUdpStream(client, host, udp);
  const talk = client.spawn(script('clients/tcp-talk', host, String(tcp)));
  await talk.prints(/< \d+/);
  const echoed = (): number => count(talk.stdout(), /^< /gm);
  return {
    now: () => ({ sent: stream.sent(), ended: count(talk.stdout(), /^ended /gm) }),
    flows: async (limitMs) => {
      const [from, echoes] = [stream.sent(), echoed()];
      await poll('both flows to be answered', limitMs, () =>
        echoed() > echoes && stream.answers().some(({ number }) => number > from) ? true : undefined,
      );
    },
    end: async () => {
      await talk.kill('SIGKILL');
      return stream.end();
    },
  };
};
