/**
 * `tcp-get HOST PORT [COUNT]`: opens COUNT connections, waits until all of them stand at once, asks each for `/` over
 * HTTP, prints {localPorts, replies, errors} as JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [host = '', port = '', count = '1'] = process.argv.slice(2);
const limitMs = 15_000;

const open = async (): Promise<Socket> => {
  const socket = connect({ host, port: Number(port) });
  socket.setTimeout(limitMs, () => socket.destroy(new Error('timeout')));
  await once(socket, 'connect');
  return socket;
};

const ask = async (socket: Socket): Promise<{ localPort: number; reply: string }> => {
  const localPort = socket.localPort ?? 0;
  let reply = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    reply += text;
  });
  socket.end('GET / HTTP/1.0\r\n\r\n');
  await once(socket, 'close');
  return { localPort, reply: reply.split('\r\n\r\n')[1] ?? '' };
};

const opened = await Promise.allSettled(Array.from({ length: Number(count) }, open));
const answers = await Promise.allSettled(opened.flatMap((one) => (one.status === 'fulfilled' ? [ask(one.value)] : [])));
const done = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
const errors = [...opened, ...answers].flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
process.stdout.write(
  `${JSON.stringify({ localPorts: done.map((one) => one.localPort), replies: done.map((one) => one.reply), errors })}\n`,
);
