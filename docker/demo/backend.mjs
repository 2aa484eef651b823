/** A web server like any other: it knows nothing of homeward, and logs the address of each client. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const { remoteAddress, remotePort } = request.socket;
  process.stdout.write(`${request.method} ${request.url} from ${remoteAddress}:${remotePort}\n`);
  response.end(`hello, ${remoteAddress}:${remotePort}\n`);
});
server.listen(80, '0.0.0.0');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
