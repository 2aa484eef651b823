/** Another way to the internet, behind which the backend is seen as the second relay; who takes it is the rules' business. */
import { address, type Lab } from '../lab.js';
import { forward, ip, restore, wire } from './neighbour.js';

export const secondUplink = { link: 'wan2', gateway: '172.28.0.1', prefix: '172.28.0.0/24', seenAs: address.relay2 };

const masquerade = (link: string): string => `*nat
-A POSTROUTING -o ${link} -j MASQUERADE
COMMIT
`;

export const addSecondUplink = async (lab: Lab): Promise<void> => {
  const { backend, relay2 } = lab;
  const { link, gateway } = secondUplink;
  await wire(lab, [backend, link], [relay2, 'lan2']);
  await Promise.all([backend, relay2].map(forward));
  await ip(relay2, '-4', `address add ${gateway}/24 dev lan2`, 'link set lan2 up');
  await restore(relay2, 'iptables', masquerade('eth0'));
  // What comes back by it has its best route by the first one.
  await backend.must(['sysctl', '-q', `net.ipv4.conf.${link}.rp_filter=2`]);
  await ip(backend, '-4', `address add 172.28.0.2/24 dev ${link}`, `link set ${link} up`);
  // The kernel chose the first uplink's address before a mark led to this one.
  await restore(backend, 'iptables', masquerade(link));
};
