/** Runs in the guest: starts the commands that the test on the host asks for and tells what they print. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { type FromGuest, messages, portName, type ToGuest } from './door-messages.js';

/** The port's device. By /sys, so that udev need not have been there. */
const device = (): string => {
  const ports = '/sys/class/virtio-ports';
  const nameOf = (port: string): string => {
    const file = `${ports}/${port}/name`; // consoles have none
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  };
  const port = readdirSync(ports).find((name) => nameOf(name) === portName);
  if (port === undefined) throw new Error(`no virtio port ${portName}`);
  return `/dev/${port}`;
};

const port = openSync(device(), 'r+');
const children = new Map<number, ChildProcess>();

/** Waits until the host has taken it: what is told in order arrives in order. */
const tell = (message: FromGuest): void => {
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.length > 0) rest = rest.subarray(writeSync(port, rest));
};

const start = ({ id, argv, env }: ToGuest & { kind: 'start' }): void => {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let problem: string | null = null;
  children.set(id, child);
  child.stdin.on('error', () => undefined); // a process may end without reading its input
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => tell({ kind: 'output', id, stream, text }));
  }
  child.once('spawn', () => tell({ kind: 'started', id, pid: child.pid ?? -1 }));
  child.once('error', (error) => {
    problem = error.message;
  });
  child.once('close', (code) => {
    children.delete(id);
    tell({ kind: 'ended', id, code: problem === null ? code : null, problem });
  });
};

const obey = (message: ToGuest): void => {
  switch (message.kind) {
    case 'start':
      start(message);
      return;
    case 'input':
      children.get(message.id)?.stdin?.write(message.text);
      return;
    case 'end-of-input':
      children.get(message.id)?.stdin?.end();
      return;
    case 'signal':
      children.get(message.id)?.kill(message.signal);
      return;
  }
};

createReadStream('', { fd: port, encoding: 'utf8', autoClose: false })
  .on('data', messages<ToGuest>(obey) as (text: string | Buffer) => void)
  .on('end', () => process.exit(0)); // nobody is at the other end any more; systemd opens the door anew
tell({ kind: 'open' });
