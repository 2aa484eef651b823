/**
 * `udp-connected ADDRESS PORT LOG`: a server that opens a socket for each client and connect()s it to that client, as iperf3 and
 * many VPN and game servers do. It answers as udp-echo does, from the client's own socket, and logs for each datagram which of its sockets got it.
 */
import { createSocket, type Socket } from 'node:dgram';
import { appendFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { endpoint } from '../endpoint.js';

const [address = '0.0.0.0', port = '5300', log = '/dev/stdout'] = process.argv.slice(2);
const ofClients = new Map<string, Socket>();

/** All on the same address and port: the kernel hands a datagram to the one that is connected to its sender. */
const open = (then: (socket: Socket) => void): void => {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: true });
  let connectedTo: string | null = null;
  socket.on('connect', () => {
    const { address: from, port: fromPort } = socket.remoteAddress();
    connectedTo = endpoint(from, fromPort);
  });
  // Between bind and connect it may get other clients' datagrams, too.
  socket.on('message', (message, { address: from, port: fromPort }) => {
    const client = endpoint(from, fromPort);
    const answer = `${client} ${message.toString('utf8')}`;
    appendFileSync(log, `${answer} ${connectedTo === client ? 'connected' : 'listening'}\n`);
    withClient(client, from, fromPort, (own) => own.send(answer));
  });
  socket.bind(Number(port), address, () => then(socket));
};

const withClient = (client: string, from: string, fromPort: number, then: (socket: Socket) => void): void => {
  const known = ofClients.get(client);
  if (known !== undefined) {
    then(known);
    return;
  }
  open((socket) =>
    socket.connect(fromPort, from, () => {
      ofClients.set(client, socket);
      then(socket);
    }),
  );
};

open(() => process.stdout.write('ready\n'));
