/** mwan3 of OpenWrt with two uplinks: every flow gets one of its marks of 0x3f00, kept in conntrack, and rules from 1001 on route by them. */
import { expect } from 'chai';
import { address } from '../lab.js';
import { secondUplink } from '../second-uplink.js';
import { startNginx } from '../services.js';
import { layMasqueradedUplink } from './masqueraded-uplink.js';
import { connect, ip, type Neighbour, restore } from './neighbour.js';

const unmarked = '-m mark --mark 0x0/0x3f00';
const mark = (value: string): string => `-j MARK --set-xmark ${value}/0x3f00`;

/** What goes to port 8002 takes the second uplink. */
const hook = `*mangle
:mwan3_connected - [0:0]
:mwan3_hook - [0:0]
:mwan3_ifaces_in - [0:0]
:mwan3_rules - [0:0]
-A PREROUTING -j mwan3_hook
-A OUTPUT -j mwan3_hook
-A mwan3_hook ${unmarked} -j CONNMARK --restore-mark --nfmask 0x3f00 --ctmask 0x3f00
-A mwan3_hook ${unmarked} -j mwan3_ifaces_in
-A mwan3_hook ${unmarked} -j mwan3_connected
-A mwan3_hook ${unmarked} -j mwan3_rules
-A mwan3_hook -j CONNMARK --save-mark --nfmask 0x3f00 --ctmask 0x3f00
-A mwan3_hook -m mark ! --mark 0x3f00/0x3f00 -j mwan3_connected
-A mwan3_ifaces_in -i eth0 -s 192.168.1.0/24 ${unmarked} ${mark('0x3f00')}
-A mwan3_ifaces_in -i eth0 ${unmarked} ${mark('0x100')}
-A mwan3_ifaces_in -i ${secondUplink.link} ${unmarked} ${mark('0x200')}
-A mwan3_connected -d 192.168.1.0/24 ${mark('0x3f00')}
-A mwan3_connected -d 198.51.104.0/24 ${mark('0x3f00')}
-A mwan3_connected -d 127.0.0.0/8 ${mark('0x3f00')}
-A mwan3_rules -p tcp --dport 8002 ${unmarked} ${mark('0x200')}
-A mwan3_rules ${unmarked} ${mark('0x100')}
COMMIT
`;

const routing = [
  'route add default via 192.168.1.1 dev eth0 table 1',
  'route add 192.168.1.0/24 dev eth0 table 1',
  `route add default via ${secondUplink.gateway} dev ${secondUplink.link} table 2`,
  `route add 198.51.104.0/24 dev ${secondUplink.link} table 2`,
  'rule add pref 1001 iif eth0 lookup 1',
  `rule add pref 1002 iif ${secondUplink.link} lookup 2`,
  'rule add pref 2001 fwmark 0x100/0x3f00 lookup 1',
  'rule add pref 2002 fwmark 0x200/0x3f00 lookup 2',
  'rule add pref 2061 fwmark 0x3d00/0x3f00 blackhole',
  'rule add pref 2062 fwmark 0x3e00/0x3f00 unreachable',
];

export const mwan3: Neighbour = {
  name: 'mwan3',
  async start(lab) {
    const { backend, client } = lab;
    await layMasqueradedUplink(lab);
    await ip(backend, '-4', ...routing);
    await restore(backend, 'iptables', hook);
    const [first, second] = await Promise.all([startNginx(client, 8001), startNginx(client, 8002)]);
    return async () => {
      await connect(backend, address.client, 8001);
      expect(first.seen().at(-1), 'by the first uplink').to.match(new RegExp(`^${address.home}:`));
      await connect(backend, address.client, 8002);
      expect(second.seen().at(-1), 'by the second uplink').to.match(new RegExp(`^${secondUplink.address}:`));
    };
  },
};
