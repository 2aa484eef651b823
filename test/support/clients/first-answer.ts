/** Connects to a TCP port again and again until it is answered; prints `ready` before the first refusal, then the time of the answer. */
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [host = '', port = ''] = process.argv.slice(2);

const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const done = (isAnswered: boolean) => {
      socket.destroy();
      resolve(isAnswered);
    };
    // A SYN that was dropped is sent again only a second later: the next attempt is quicker.
    const timer = setTimeout(() => done(false), 20);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });

if (await answers()) throw new Error(`${host}:${port} is answered already`);
process.stdout.write('ready\n');
// Now and then: a client that asks without a pause takes the time from what it waits for.
while (!(await answers())) await pause(5);
process.stdout.write(`${JSON.stringify({ answeredAtMs: Date.now() })}\n`);
