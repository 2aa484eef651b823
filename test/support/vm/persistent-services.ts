/** Services in a virtual machine that come back with it, as units of systemd: a UDP echo and a TCP service. */
import type { LabNode } from '../lab-node.js';
import { script } from '../scripts.js';
import { inGuest } from './places.js';

const unit = (command: readonly string[]): string => `[Unit]
After=network.target
[Service]
ExecStart=${command.map(inGuest).join(' ')}
Restart=on-failure
[Install]
WantedBy=multi-user.target
`;

const start = async (node: LabNode, name: string, command: readonly string[]): Promise<void> => {
  await node.must(['tee', `/etc/systemd/system/${name}.service`], { input: unit(command) });
  await node.must(['systemctl', 'enable', '--now', `${name}.service`]);
};

/** A UDP echo on the wildcard of both families: it answers with the client that it saw. */
export const startPersistentEcho = (node: LabNode, port: number): Promise<void> =>
  start(node, `echo-${port}`, script('services/udp-echo', '::', String(port), `/var/log/echo-${port}.log`));

const nginxConfig = (port: number): string => `daemon off;
user root;
pid /run/nginx-${port}.pid;
events {}
http {
  access_log off;
  server {
    listen ${port};
    listen [::]:${port};
    location / { return 200 '$remote_addr $remote_port'; }
  }
}
`;

/** nginx on both families: it answers with the client that it saw, `ADDRESS PORT`. */
export const startPersistentNginx = async (node: LabNode, port: number): Promise<void> => {
  const config = `/etc/nginx/echo-${port}.conf`;
  await node.must(['tee', config], { input: nginxConfig(port) });
  await start(node, `nginx-${port}`, ['/usr/sbin/nginx', '-c', config]);
};
