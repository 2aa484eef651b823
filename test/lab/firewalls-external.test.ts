/** A device that its owner made, behind a ufw at the relay and a firewalld at the backend: neither is asked, and a red proof says what to type. */
import { expect } from 'chai';
import { startFirewalld } from '../support/firewalls/firewalld.js';
import { startUfw } from '../support/firewalls/ufw.js';
import { homeward, probe, start, startDaemon } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import type { LabNode } from '../support/lab-node.js';
import { shareKey, startOpenvpn, vpn } from '../support/openvpn.js';
import { startPair, tokenOf } from '../support/pairing.js';
import { expectTcp } from '../support/real-client.js';
import { type Service, startNginx } from '../support/services.js';
import { expectDone } from '../support/tidy.js';

describe("an owner's device behind firewalls", () => {
  let lab: Lab;
  let nginx: Service;

  before(async () => {
    lab = await createLab();
    nginx = await startNginx(lab.backend, 80);
    await Promise.all([startUfw(lab.relay), startFirewalld(lab.backend)]);
    await lab.relay.must(['ufw', 'allow', '1194/udp']);
    shareKey(lab.relay, lab.backend);
    await startOpenvpn(lab.relay, 'relay', address.relay);
    await startOpenvpn(lab.backend, 'backend', address.relay);
  });
  after(() => lab?.close());

  /** Types what the hint of the first red probe says, at the machine that drops; null where all is proven. */
  const typeHint = async (): Promise<string | null> => {
    const { report } = await probe(lab.relay);
    if (report.ok) return null;
    const red = report.results.find(({ ok }) => !ok);
    const [, command = ''] = /\(with \w+: ([^,)]+)/.exec(red?.hint ?? '') ?? [];
    const node: LabNode = red?.droppedBy?.at === 'relay' ? lab.relay : lab.backend;
    expect(command, JSON.stringify(report)).not.to.equal('');
    await node.must(command.split(' '));
    return `${red?.forward}, ${red?.droppedBy?.at}: ${command.replace(/\d{3,}/, 'ECHO')}`;
  };

  it('is not opened by us, and its proof is red', async () => {
    await startDaemon(lab.relay, 'controller');
    const pairing = startPair(lab.relay, 'home', ['80/tcp'], ['--tunnel', 'external', '--device', vpn.device]);
    const input = `${await tokenOf(pairing)}\n`;
    expectDone(await homeward(lab.backend, 'agent', ['enroll', '--device', vpn.device], { input }));
    start(lab.backend, 'agent', ['run']);
    expect(await pairing.process.ended, pairing.process.stdout()).to.equal(1);
  });

  it('passes once its owner has typed what each proof says: for the forward, and for the echo that proves UDP', async () => {
    const typed: string[] = [];
    for (let line = await typeHint(); line !== null && typed.length < 10; line = await typeHint()) typed.push(line);
    expect(typed).to.deep.equal([
      '80/tcp, relay: ufw route allow proto tcp to any port 80',
      '80/tcp, backend: firewall-cmd --add-port=80/tcp',
      'echo/tcp, relay: ufw route allow proto tcp to any port ECHO',
      'echo/tcp, backend: firewall-cmd --add-port=ECHO/tcp',
      'echo/udp, relay: ufw route allow proto udp to any port ECHO',
    ]);
    await expectTcp(lab, 80, nginx);
  });
});
