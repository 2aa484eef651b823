/**
 * `tcp-talk HOST PORT`: a connection that speaks every 10 ms to an echo and prints `< NUMBER` for each line that came
 * back. When the connection ends it prints `ended REASON` and begins another one: `connected`.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const intervalMs = 10;
const [host = '', port = ''] = process.argv.slice(2);
let sent = 0;

const talk = (): void => {
  const socket = connect({ host, port: Number(port), noDelay: true });
  let reason = 'closed';
  let timer: NodeJS.Timeout | undefined;
  socket.on('connect', () => {
    process.stdout.write('connected\n');
    timer = setInterval(() => {
      sent += 1;
      socket.write(`${sent}\n`);
    }, intervalMs);
  });
  createInterface({ input: socket })
    .on('line', (line) => process.stdout.write(`< ${line}\n`))
    .on('error', () => undefined);
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  socket.on('close', () => {
    clearInterval(timer);
    process.stdout.write(`ended ${reason}\n`);
    setTimeout(talk, intervalMs);
  });
};
talk();
