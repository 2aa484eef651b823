/** The host's end of the door: starts processes in the guest and follows them as if they were our children. */
import { EventEmitter, once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import type { Followed } from '../running.js';
import { type FromGuest, messages, type ToGuest } from './door-messages.js';

interface RemoteProcess extends Followed {
  take(message: FromGuest): void;
}

export interface Channel {
  /** Resolves when a door opens; rejects when the wait is aborted. */
  opened(signal: AbortSignal): Promise<void>;
  /** Starts a process; the command's words and the environment are the guest's. */
  start(argv: readonly string[], env: Readonly<Record<string, string>>): Followed;
  /** Nothing in the guest lives any more; every process of it has ended. */
  cut(): void;
  close(): Promise<void>;
}

const remoteProcess = (id: number, send: (message: ToGuest) => void): RemoteProcess => {
  const events = new EventEmitter();
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const stdin = new Writable({
    decodeStrings: false,
    write: (text: string | Buffer, _encoding, done) => {
      send({ kind: 'input', id, text: text.toString() });
      done();
    },
    final: (done) => {
      send({ kind: 'end-of-input', id });
      done();
    },
  });
  const child = {
    pid: undefined as number | undefined,
    ...streams,
    stdin,
    once: (event: string, listener: (...args: never[]) => void) =>
      events.once(event, listener as (...args: unknown[]) => void),
    kill: (signal: NodeJS.Signals = 'SIGTERM') => {
      send({ kind: 'signal', id, signal });
      return true;
    },
    take: (message: FromGuest) => {
      if (message.kind === 'started') child.pid = message.pid;
      if (message.kind === 'output') streams[message.stream].write(message.text);
      if (message.kind !== 'ended') return;
      if (message.problem !== null) streams.stderr.write(message.problem);
      const drained = Object.values(streams).map((stream) => once(stream, 'close'));
      for (const stream of Object.values(streams)) stream.end();
      Promise.all(drained).then(
        () => events.emit('close', message.code),
        (error: unknown) => events.emit('error', error),
      );
    },
  };
  return child;
};

/** Listens at the unix socket to which QEMU connects the guest's port. */
export const createChannel = async (path: string): Promise<Channel> => {
  const processes = new Map<number, RemoteProcess>();
  const doors = new EventEmitter();
  let socket: Socket | undefined;
  let last = 0;
  const send = (message: ToGuest): void => {
    socket?.write(`${JSON.stringify(message)}\n`);
  };
  const endAll = (problem: string): void => {
    for (const [id, process] of processes) process.take({ kind: 'ended', id, code: null, problem });
    processes.clear();
  };
  const take = (message: FromGuest): void => {
    if (message.kind === 'open') {
      endAll('the guest has forgotten it'); // its door was opened anew
      doors.emit('open');
      return;
    }
    processes.get(message.id)?.take(message);
    if (message.kind === 'ended') processes.delete(message.id);
  };
  const server = createServer((connection) => {
    socket = connection;
    connection.setEncoding('utf8').on('data', messages(take) as (text: string | Buffer) => void);
    connection.on('error', () => undefined); // QEMU was ended
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    opened: async (signal) => {
      await once(doors, 'open', { signal });
    },
    start: (argv, env) => {
      const id = ++last;
      const started = remoteProcess(id, send);
      processes.set(id, started);
      if (socket === undefined || socket.destroyed) {
        setImmediate(() => started.take({ kind: 'ended', id, code: null, problem: 'the guest is off' }));
      } else send({ kind: 'start', id, argv, env });
      return started;
    },
    cut: () => {
      socket?.destroy();
      endAll('the guest has ended');
    },
    close: async () => {
      server.close();
      socket?.destroy();
      endAll('the test has ended');
      await once(server, 'close').catch(() => undefined);
    },
  };
};
