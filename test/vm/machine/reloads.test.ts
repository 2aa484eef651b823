/**
 * Programs that clear away what they do not know, on a stock Debian: nftables.service loads its own ruleset and flushes all
 * others, systemd-networkd removes foreign rules and routes (networkd.conf(5), ManageForeignRoutingPolicyRules). The agent's
 * state comes back by itself, and what they made stays.
 */
import { expect } from 'chai';
import { endpoint } from '../../support/endpoint.js';
import { startDaemon } from '../../support/homeward.js';
import { address, createLab, type Lab } from '../../support/lab.js';
import type { LabNode } from '../../support/lab-node.js';
import { provenInTheEnd, startPair, tokenOf } from '../../support/pairing.js';
import { poll } from '../../support/poll.js';
import { script } from '../../support/scripts.js';
import { type Snapshot, snapshot } from '../../support/snapshot.js';
import { expectUnchanged } from '../../support/tidy.js';
import { startUdpStream, type UdpStream } from '../../support/udp-stream.js';
import { packageFile, versions } from '../../support/vm/debian-packages.js';
import { bootLabGuest, labGuest, settle } from '../../support/vm/lab-guest.js';
import type { Vm } from '../../support/vm/vm.js';

const network = `[Match]
Name=eth0
[Network]
Address=${labGuest.address}/24
Gateway=${labGuest.gateway}
`;

/** As Debian ships it, with a rule of the machine's owner. */
const ruleset = `#!/usr/sbin/nft -f
flush ruleset
table inet theirs {
  chain input {
    type filter hook input priority filter; policy accept;
    tcp dport 23 drop
  }
}
`;

describe('programs that clear away what is not theirs', () => {
  let lab: Lab;
  let vm: Vm;
  let guest: LabNode;
  let stream: UdpStream;
  let standing: string[];
  let untouched: Snapshot;

  /** What leads packets: policy rules, and the table without its sets, which change all the time. */
  const state = async (): Promise<string[]> => {
    const [rules, rules6, table] = await Promise.all([
      guest.must(['ip', 'rule']),
      guest.must(['ip', '-6', 'rule']),
      guest.run('nft -s -t list table inet homeward_backend'.split(' ')),
    ]);
    return [rules, rules6, table.stdout].map((text) => text.trim());
  };

  before(async () => {
    lab = await createLab();
    vm = await bootLabGuest(lab, 'reloads', {
      '/etc/systemd/network/eth0.network': network,
      '/etc/nftables.conf': ruleset,
    });
    guest = vm.node;
    await guest.must(['systemctl', 'start', 'systemd-networkd', 'nftables']);
    await settle(guest);
    await guest.spawn(script('services/udp-echo', '0.0.0.0', '5300', '/opt/share/echo.log')).prints(/ready/, 60_000);
    untouched = await snapshot(guest);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await guest.must(['dpkg', '--install', packageFile('agent', versions.old)], { env });
    await startDaemon(lab.relay, 'controller');
    const pairing = startPair(lab.relay, 'home', ['5300/udp'], ['--no-wait']);
    await guest.must(['agent', 'enroll'], { input: await tokenOf(pairing) });
    stream = await startUdpStream(lab.client, address.relay, 5300, 50);
    await poll('an answer', 30_000, () => stream.answers()[0]);
    await provenInTheEnd(lab.relay);
    standing = await state();
  });
  after(async () => {
    await vm?.close();
    await lab?.close();
  });

  const expectWhole = async (): Promise<void> => {
    // How soon is measured where nothing is emulated (faults/matrix).
    await poll('our state', 5_000, async () => {
      expect(await state()).to.deep.equal(standing);
      return true;
    });
    const sent = stream.sent();
    const answer = await poll('an answer to a real client', 5_000, () =>
      stream.answers().find(({ number }) => number > sent),
    );
    expect(answer.seen).to.equal(endpoint(address.client, stream.localPort));
    await provenInTheEnd(lab.relay);
    expect(await guest.must('nft list table inet theirs'.split(' '))).to.include('tcp dport 23 drop');
    expect(await guest.must('ip -o -4 address show dev eth0'.split(' '))).to.include(labGuest.address);
  };

  for (const command of [
    'systemctl reload nftables',
    'systemctl restart systemd-networkd',
    'networkctl reconfigure eth0',
  ]) {
    it(`${command}: everything of ours is back, everything of theirs is there`, async () => {
      await guest.must(command.split(' '));
      await expectWhole();
    });
  }

  it('down: what is left is theirs', async () => {
    await stream.end();
    await guest.must(['agent', 'down']);
    await expectUnchanged(guest, untouched, 10_000);
  });
});
