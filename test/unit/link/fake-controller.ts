/** Controllers that do as they like: with the right key, or without any. */

import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { KeyPair } from '@homeward/shared/session/keys';
import { createResponder } from '@homeward/shared/session/noise';
import { createTransport, type Transport } from '@homeward/shared/session/transport';
import { SUBPROTOCOL } from '@homeward/shared/session/wire';
import { type WebSocket, WebSocketServer } from 'ws';

export type Behaviour = (socket: WebSocket, transport: Transport) => void;

export interface FakeController {
  readonly url: string;
  close(): void;
}

export function sendText(socket: WebSocket, transport: Transport, text: string): void {
  for (const frame of transport.seal(Buffer.from(text))) socket.send(frame);
}

/** The socket below a websocket, for bytes that no websocket would send. */
export function rawSocketOf(socket: WebSocket): Socket {
  return (socket as unknown as { readonly _socket: Socket })._socket;
}

function urlOf(server: Pick<Server, 'address'>): string {
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Speaks websocket; what it does with each is the test's. */
async function websocketServer(onSocket: (socket: WebSocket) => void): Promise<FakeController> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  return {
    url: urlOf(server as unknown as Server),
    close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
    },
  };
}

/** A controller of that key, which then does as it likes. */
export function fakeController(identity: KeyPair, behave: Behaviour): Promise<FakeController> {
  return websocketServer((socket) => {
    socket.once('message', (data: Buffer) => {
      const responder = createResponder({ identity });
      responder.read(data);
      const { message, session } = responder.write();
      socket.send(message);
      behave(socket, createTransport(session));
    });
  });
}

/** Somebody who upgrades to a websocket, and has no key. */
export function keylessController(behave: (socket: Socket) => void): Promise<FakeController> {
  return websocketServer((socket) => behave(rawSocketOf(socket)));
}

/** Somebody who answers the upgrade request with bytes of its own. */
export async function rawServer(behave: (socket: Socket) => void): Promise<FakeController> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => behave(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    url: urlOf(server as unknown as Server),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Writes the same bytes again and again, as fast as they are taken; calls `onBytes` with how many there were. */
export function pour(socket: Socket, bytes: Uint8Array, limitBytes: number, onBytes: (sum: number) => void): void {
  let sum = 0;
  const more = (): void => {
    while (sum < limitBytes && !socket.destroyed) {
      sum += bytes.length;
      onBytes(sum);
      if (!socket.write(bytes)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}
