/** Tailscale as a subnet router: its rules for routing (5210 to 5270) and its marks 0x40000 and 0x80000 of 0xff0000. */
import { expect } from 'chai';
import { address } from '../lab.js';
import { startNginx } from '../services.js';
import { connect, forward, ip, type Neighbour, restore, wire } from './neighbour.js';

const node = '100.64.0.1';
const peer = '100.64.0.9';

const marks = `*mangle
-A PREROUTING -m conntrack --ctstate RELATED,ESTABLISHED -j CONNMARK --restore-mark --nfmask 0xff0000 --ctmask 0xff0000
-A OUTPUT -m conntrack --ctstate NEW -m mark ! --mark 0x0/0xff0000 -j CONNMARK --save-mark --nfmask 0xff0000 --ctmask 0xff0000
COMMIT
`;

const filter = `*filter
:ts-forward - [0:0]
:ts-input - [0:0]
-A INPUT -j ts-input
-A FORWARD -j ts-forward
-A ts-input -i tailscale0 -j ACCEPT
-A ts-forward -i tailscale0 -j MARK --set-xmark 0x40000/0xff0000
-A ts-forward -m mark --mark 0x40000/0xff0000 -j ACCEPT
-A ts-forward -o tailscale0 -j ACCEPT
COMMIT
`;

const masquerade = `*nat
:ts-postrouting - [0:0]
-A POSTROUTING -j ts-postrouting
-A ts-postrouting -m mark --mark 0x40000/0xff0000 -j MASQUERADE
COMMIT
`;

const foreignSources = `*filter
-I ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
COMMIT
`;

const rules = [
  'rule add pref 5210 fwmark 0x80000/0xff0000 lookup main',
  'rule add pref 5230 fwmark 0x80000/0xff0000 lookup default',
  'rule add pref 5250 fwmark 0x80000/0xff0000 unreachable',
  'rule add pref 5270 lookup 52',
];

export const tailscale: Neighbour = {
  name: 'Tailscale',
  async start(lab) {
    const { backend, backend2, lan } = lab;
    await wire(lab, [backend, 'tailscale0'], [backend2, 'tailscale0']);
    await forward(backend);
    await ip(backend2, '-4', `address add ${peer}/32 dev tailscale0`, 'link set tailscale0 up');
    await ip(
      backend2,
      '-4',
      `route add ${node} dev tailscale0`,
      `route add ${address.lan} via ${node} dev tailscale0 src ${peer}`,
    );
    await ip(backend, '-4', `address add ${node}/32 dev tailscale0`, 'link set tailscale0 up');
    await ip(backend, '-4', `route add ${peer} dev tailscale0 table 52`, ...rules);
    await ip(backend, '-6', ...rules);
    for (const program of ['iptables', 'ip6tables'] as const) {
      for (const table of [marks, filter, masquerade]) await restore(backend, program, table);
    }
    await restore(backend, 'iptables', foreignSources);
    const behind = await startNginx(lan, 8001);
    return async () => {
      const port = await connect(backend2, address.lan, 8001);
      expect(behind.seen(), 'what a host of the subnet saw').to.include(`${address.backend}:${port}`);
    };
  },
};
