/** kube-proxy in its mode iptables: a service's address of its own, and a node port; the marks 0x4000 (masquerade) and 0x8000 (drop). */
import { expect } from 'chai';
import { address } from '../lab.js';
import { startNginx } from '../services.js';
import { connect, forward, type Neighbour, restore } from './neighbour.js';

const service = '10.43.0.10';
const pod = `${address.lan}:8001`;

const nat = `*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-1 - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-SERVICES -d ${service}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-1
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-MARK-MASQ
-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-SVC-1
-A KUBE-SVC-1 -j KUBE-SEP-1
-A KUBE-SEP-1 -s ${address.lan}/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination ${pod}
COMMIT
`;

const filter = `*filter
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
-A INPUT -j KUBE-FIREWALL
-A OUTPUT -j KUBE-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`;

export const kubeProxy: Neighbour = {
  name: 'kube-proxy',
  async start({ backend, backend2, lan }) {
    await forward(backend);
    for (const table of [nat, filter]) await restore(backend, 'iptables', table);
    const inPod = await startNginx(lan, 8001);
    return async () => {
      await connect(backend, service, 80);
      // Masqueraded by its mark, from a port at random.
      const before = inPod.seen().length;
      await connect(backend2, address.backend, 30080);
      expect(inPod.seen().slice(before).join(), 'what the pod saw').to.match(new RegExp(`^${address.backend}:\\d+$`));
    };
  },
};
