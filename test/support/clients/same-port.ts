/**
 * `same-port TCP_PORT UDP_PORT HOST…`: talks to all hosts (of one family) at the same time from one local port, over
 * HTTP and to UDP echoes; prints {localPort, tcp: [{host, reply}], udp: [{from, seen}]} as JSON, with what was answered within the limit.
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { endpoint } from '../endpoint.js';

const limitMs = 10_000;
const resendMs = 300;
const [tcpPort = '', udpPort = '', ...hosts] = process.argv.slice(2);
const localPort = randomInt(20_000, 30_000); // below what the kernel gives out by itself

/** A bound port can have several connections to different hosts: libuv sets SO_REUSEADDR. */
const open = async (host: string): Promise<Socket> => {
  const socket = connect({ host, port: Number(tcpPort), localPort });
  socket.setTimeout(limitMs, () => socket.destroy(new Error(`timeout at ${host}`)));
  await once(socket, 'connect');
  return socket;
};

const ask = async (socket: Socket): Promise<{ host: string; reply: string }> => {
  const host = socket.remoteAddress ?? '';
  let reply = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    reply += text;
  });
  socket.end('GET / HTTP/1.0\r\n\r\n');
  await once(socket, 'close');
  return { host, reply: reply.split('\r\n\r\n')[1] ?? '' };
};

const overTcp = async (): Promise<{ host: string; reply: string }[]> =>
  Promise.all((await Promise.all(hosts.map(open))).map(ask));

const overUdp = (): Promise<{ from: string; seen: string }[]> =>
  new Promise((resolve) => {
    const answers = new Map<string, string>();
    const socket = createSocket(isIPv6(hosts[0] ?? '') ? 'udp6' : 'udp4');
    const send = (): void => {
      for (const host of hosts) if (!answers.has(endpoint(host, udpPort))) socket.send('hello', Number(udpPort), host);
    };
    const finish = (): void => {
      clearInterval(resend);
      clearTimeout(limit);
      socket.close();
      resolve([...answers].map(([from, seen]) => ({ from, seen })));
    };
    socket.on('error', () => undefined); // an ICMP error is no answer
    socket.on('message', (message, from) => {
      answers.set(endpoint(from.address, from.port), message.toString('utf8').split(' ')[0] ?? '');
      if (answers.size === hosts.length) finish();
    });
    const resend = setInterval(send, resendMs);
    const limit = setTimeout(finish, limitMs);
    socket.bind(localPort, send);
  });

const [tcp, udp] = await Promise.all([overTcp(), overUdp()]);
process.stdout.write(`${JSON.stringify({ localPort, tcp, udp })}\n`);
