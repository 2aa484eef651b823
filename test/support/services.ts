/** The services behind the tunnel: nginx, UDP echoes, dnsmasq, iperf3 and a blob service, each saying whom it saw. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { endpoint } from './endpoint.js';
import type { LabNode } from './lab-node.js';
import { poll } from './poll.js';
import type { Running } from './running.js';
import { script } from './scripts.js';

export interface Service {
  readonly process: Running;
  /** The clients it logged so far, as address:port or [address]:port, oldest first. */
  seen(): string[];
}

/** Where a service runs: how its command is wrapped for that. */
export type Place = (command: readonly string[]) => readonly string[];

/** The machine itself. */
const onMachine: Place = (command) => command;

export const dnsName = { name: 'service.example', address: '192.168.1.10' } as const;

const listens = (node: LabNode, proto: 'tcp' | 'udp', port: number): Promise<true> =>
  poll(`a ${proto} listener on port ${port} of ${node.name}`, 5_000, async () => {
    const sockets = await node.must(['ss', '-Hnl', proto === 'tcp' ? '-t' : '-u', `sport = :${port}`]);
    return sockets === '' ? undefined : true;
  });

/** The lines of a log, without an empty last one. */
export const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').filter(Boolean);

/** `ADDRESS PORT` as nginx logs it. */
const loggedClient = (line: string): string => {
  const [from = '', port = ''] = line.split(' ');
  return endpoint(from, port);
};

const nginxConfig = (port: number, greeting: string): string => `
daemon off;
user root;
worker_processes 1;
pid /run/nginx-lab/${port}.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  log_format seen '$remote_addr $remote_port';
  access_log /run/nginx-lab/${port}.log seen;
${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path /run/nginx-lab/tmp;`).join('\n')}
  server {
    listen ${port};
    listen [::]:${port};
    location / { return 200 '${greeting}'; }
    location /files/ { alias /run/nginx-lab/files/; }
  }
}
`;

/** nginx on a port of both families; answers every request with `greeting` and logs who asked. */
export const startNginx = async (
  node: LabNode,
  port: number,
  greeting = 'hello',
  place = onMachine,
): Promise<Service> => {
  mkdirSync(node.file('/run/nginx-lab'), { recursive: true });
  const config = `/run/nginx-lab/${port}.conf`;
  writeFileSync(node.file(config), nginxConfig(port, greeting));
  const process = node.spawn(place(['nginx', '-e', 'stderr', '-c', config]));
  await listens(node, 'tcp', port);
  return { process, seen: () => linesOf(node.file(`/run/nginx-lab/${port}.log`)).map(loggedClient) };
};

export interface UdpEcho extends Service {
  /** The texts of the datagrams it got so far, oldest first. */
  heard(): string[];
  /** Sends a datagram without being asked, from its one socket; resolves when it has left. */
  sendTo(host: string, port: number): Promise<void>;
}

/** A UDP echo bound to an address or a wildcard: `0.0.0.0`, `::` for both families, `:: v6only` for IPv6 alone. */
export const startUdpEcho = async (
  node: LabNode,
  port: number,
  bindTo = '0.0.0.0',
  place = onMachine,
): Promise<UdpEcho> => {
  const log = `/run/udp-echo-${port}.log`;
  writeFileSync(node.file(log), '');
  const [bindAddress = '', ...only] = bindTo.split(' ');
  const command = script('services/udp-echo', bindAddress, String(port), log, ...only);
  const process = node.spawn(place(command), { interactive: true });
  await process.prints(/ready/);
  const logged = (pick: (line: string) => string) => () => linesOf(node.file(log)).map(pick);
  return {
    process,
    seen: logged((line) => line.split(' ')[0] ?? ''),
    heard: logged((line) => line.slice(line.indexOf(' ') + 1)),
    sendTo: async (host, toPort) => {
      const count = () => process.stdout().split(`sent to ${host} ${toPort}\n`).length;
      const before = count();
      process.type(`${host} ${toPort}\n`);
      await poll(`a datagram by itself from ${process.command}`, 5_000, () => (count() > before ? true : undefined));
    },
  };
};

/** dnsmasq with one static answer and no upstream; on all addresses unless it is told otherwise. */
export const startDnsmasq = async (node: LabNode, port = 53, ...args: readonly string[]): Promise<Service> => {
  const process = node.spawn([
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
    '--pid-file',
    `--port=${port}`,
    `--address=/${dnsName.name}/${dnsName.address}`,
    '--log-queries=extra',
    '--log-facility=-',
    ...args,
  ]);
  await listens(node, 'udp', port);
  const seen = (): string[] =>
    [...process.stderr().matchAll(/: \d+ ([\da-f.:]+)\/(\d+) query\[A\]/g)].map(([, from = '', fromPort = '']) =>
      endpoint(from, fromPort),
    );
  return { process, seen };
};

/** The blob service of `services/blob`. */
export const startBlob = async (node: LabNode, port: number): Promise<Running> => {
  const process = node.spawn(script('services/blob', String(port)));
  await process.prints(/ready/);
  return process;
};

/** iperf3 as a server. */
export const startIperf = async (node: LabNode, port = 5201): Promise<Running> => {
  const process = node.spawn(['iperf3', '--server', '--forceflush', '--port', String(port)]);
  await listens(node, 'tcp', port);
  return process;
};

/** Something that listens on a TCP port under the given process name. */
export const startListener = async (node: LabNode, name: string, port: number): Promise<Running> => {
  const process = node.spawn(script('services/listener', name, '0.0.0.0', String(port)));
  await process.prints(/ready/);
  return process;
};
