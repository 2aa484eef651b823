/** The backend's second uplink, for those who lead some of its connections there. */
import type { Lab } from '../lab.js';
import { laySecondUplink, secondUplink } from '../second-uplink.js';
import { restore } from './neighbour.js';

/** The kernel chose the first uplink's address before a mark led to the second one. */
const masquerade = `*nat
-A POSTROUTING -o ${secondUplink.link} -j MASQUERADE
COMMIT
`;

export const layMasqueradedUplink = async (lab: Lab): Promise<void> => {
  await laySecondUplink(lab);
  await restore(lab.backend, 'iptables', masquerade);
  // What comes back by it has its best route by the first one.
  await lab.backend.must(['sysctl', '-q', `net.ipv4.conf.${secondUplink.link}.rp_filter=2`]);
};
