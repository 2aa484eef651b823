/** Somebody who routes by a mark in the byte that homeward uses, with homeward's numbers for a link, a table and a rule. */
import { expect } from 'chai';
import { address } from '../lab.js';
import { secondUplink } from '../second-uplink.js';
import { startNginx } from '../services.js';
import { layMasqueradedUplink } from './masqueraded-uplink.js';
import { connect, ip, type Neighbour, restore } from './neighbour.js';

const marks = `*mangle
-A OUTPUT -p tcp --dport 8002 -j MARK --set-xmark 0x1000000/0xff000000
COMMIT
`;

export const fieldUser: Neighbour = {
  name: 'somebody with the same numbers',
  async start(lab) {
    const { backend, client } = lab;
    await layMasqueradedUplink(lab);
    await ip(
      backend,
      '-4',
      'link add hw2 type bridge',
      // The slots 1, 4 and 6: a mark, a table, a priority.
      'rule add pref 4301 fwmark 0x1000000/0xff000000 lookup 7704',
      `route add default via ${secondUplink.gateway} dev ${secondUplink.link} table 7704`,
      'rule add pref 4826 to 203.0.113.99 lookup main',
    );
    await restore(backend, 'iptables', marks);
    const far = await startNginx(client, 8002);
    return async () => {
      await connect(backend, address.client, 8002);
      expect(far.seen().at(-1)).to.match(new RegExp(`^${secondUplink.address}:`));
    };
  },
};
