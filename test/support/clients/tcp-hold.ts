/** `tcp-hold HOST PORT`: connects, asks once, prints `connected LOCALPORT`, and keeps the connection. */
import { connect } from 'node:net';

const [host = '', port = ''] = process.argv.slice(2);
const socket = connect({ host, port: Number(port) }, () => {
  socket.write('GET / HTTP/1.1\r\nHost: lab\r\n\r\n');
});
socket.once('data', () => process.stdout.write(`connected ${socket.localPort}\n`));
