/** Somebody on the path between an agent and its controller, who may do with the frames of the first connection as he likes. */

import { type RawData, WebSocket, WebSocketServer } from 'ws';

export type Direction = 'up' | 'down';

/** Where bytes may go: on, on behind the next frame of this direction, or back to where they came from. */
export interface Ways {
  pass(bytes: Buffer): void;
  passLater(bytes: Buffer): void;
  reflect(bytes: Buffer): void;
}

/** What is done with one frame. */
export type Tamper = (frame: Buffer, ways: Ways) => void;

export interface Middleman {
  readonly url: string;
  /** Every frame of all connections as it came, by direction. */
  readonly seen: Readonly<Record<Direction, Buffer[]>>;
  /** How many connections went through him. */
  connections(): number;
  close(): void;
}

/** Passes everything on to `target`, but frame number `position` of a direction, in the first connection, to `tamper`. */
export async function startMiddleman(
  target: string,
  direction: Direction,
  position: number,
  tamper: Tamper,
): Promise<Middleman> {
  const seen = { up: [] as Buffer[], down: [] as Buffer[] };
  let count = 0;
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: ([first]) => first ?? false });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (agent) => {
    count += 1;
    const isFirst = count === 1;
    const controller = new WebSocket(target, [agent.protocol], { perMessageDeflate: false });
    const waiting: Buffer[] = [];
    const send = (socket: WebSocket, bytes: Buffer): void => {
      if (socket === controller && socket.readyState === WebSocket.CONNECTING) waiting.push(bytes);
      else if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    };
    const carry = (way: Direction, from: WebSocket, to: WebSocket): void => {
      let number = 0;
      let late: Buffer[] = [];
      from.on('message', (data: RawData) => {
        const frame = Buffer.from(data as Buffer);
        seen[way].push(frame);
        const pass = (bytes: Buffer): void => send(to, bytes);
        if (isFirst && way === direction && number === position) {
          tamper(frame, { pass, passLater: (bytes) => late.push(bytes), reflect: (bytes) => send(from, bytes) });
        } else {
          for (const bytes of [frame, ...late]) pass(bytes);
          late = [];
        }
        number += 1;
      });
      from.on('close', () => to.close());
      from.on('error', () => to.terminate());
    };
    carry('up', agent, controller);
    carry('down', controller, agent);
    controller.on('open', () => {
      for (const bytes of waiting) controller.send(bytes);
    });
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as { port: number }).port}`,
    seen,
    connections: () => count,
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}
