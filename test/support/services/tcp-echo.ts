/** `tcp-echo PORT`: sends back what it gets, on a wildcard address. */
import { createServer } from 'node:net';

const [port = '0'] = process.argv.slice(2);
createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => undefined); // a client that goes away is no fault of the service
  socket.pipe(socket);
}).listen(Number(port), () => process.stdout.write('ready\n'));
