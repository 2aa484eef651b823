/** Programs that mark packets and route by marks, on the same machine: each goes on with its work, and every service sees its clients. */
import { homeward } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { kubeProxy } from '../support/neighbours/kube-proxy.js';
import { mwan3 } from '../support/neighbours/mwan3.js';
import { tailscale } from '../support/neighbours/tailscale.js';
import { wgQuick } from '../support/neighbours/wg-quick.js';
import { pairUp } from '../support/pairing.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

for (const neighbour of [tailscale, wgQuick, kubeProxy, mwan3]) {
  describe(`beside ${neighbour.name}`, () => {
    let lab: Lab;
    let expectWorking: () => Promise<void>;
    let untouched: Snapshot;
    let nginx: Service;
    let echo: Service;
    let lanNginx: Service;

    before(async () => {
      lab = await createLab();
      [nginx, echo, lanNginx] = await Promise.all([
        startNginx(lab.backend, 80),
        startUdpEcho(lab.backend, 5300, '::'),
        startNginx(lab.lan, 8080),
      ]);
      expectWorking = await neighbour.start(lab);
      await expectWorking();
      untouched = await snapshot(lab.backend);
    });
    after(() => lab?.close());

    it('every service sees its clients', async () => {
      await pairUp(lab, {
        forwards: ['80/tcp', '5300/udp', `8080=${address.lan}:8080/tcp`],
        enrollArgs: ['--allow-lan', '192.168.1.0/24'],
      });
      for (const host of [address.relay, address6.relay]) {
        await expectTcpAt(lab, host, 80, nginx);
        await expectUdpAt(lab, host, 5300, echo);
      }
      await expectTcpAt(lab, address.relay, 8080, lanNginx);
    });

    it('the neighbour goes on with its work', () => expectWorking());

    it('down leaves it as it was found, and working', async () => {
      expectDone(await homeward(lab.backend, 'agent', ['down']));
      await expectUnchanged(lab.backend, untouched);
      await expectWorking();
    });
  });
}
