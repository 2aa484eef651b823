/** The way home holds whatever routes the backend has, is set up again at boot without the relay, and a loss on it is named. */
import { expect } from 'chai';
import { homeward, probe, start } from '../support/homeward.js';
import { createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectTcp, expectUdp } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';

describe('the return path', () => {
  let lab: Lab;
  let nginx: Service;
  let echo: Service;
  let paired: Paired;

  before(async () => {
    lab = await createLab();
    [nginx, echo] = await Promise.all([startNginx(lab.backend, 80), startUdpEcho(lab.backend, 5300)]);
    paired = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
  });
  after(() => lab?.close());

  const ip = (...commands: string[]): Promise<string> =>
    lab.backend.must(['ip', '-batch', '-'], { input: `${commands.join('\n')}\n` });
  const expectServed = async (): Promise<void> => {
    await poll('the source pin for the new routes', 5_000, async () =>
      (await probe(lab.relay)).exitCode === 0 ? true : undefined,
    );
    await expectTcp(lab, 80, nginx);
    await expectUdp(lab, 5300, echo);
  };

  it('holds beside a VPN that covers every client with two halves of everything', async () => {
    await ip(
      'tuntap add vpn0 mode tun',
      'address add 172.27.0.5/24 dev vpn0',
      'link set vpn0 up',
      'route add 198.51.100.1 via 192.168.1.1',
      'route add 0.0.0.0/1 dev vpn0',
      'route add 128.0.0.0/1 dev vpn0',
    );
    await expectServed();
    await ip('link delete vpn0');
  });

  it('holds without any default route', async () => {
    await ip('route delete default');
    await expectServed();
    await ip('route add default via 192.168.1.1', 'route delete 198.51.100.1');
    await expectServed();
  });

  it('is told from a firewall of the backend that drops what came out of the tunnel', async () => {
    await lab.backend.must(['nft', '-f', '-'], {
      input: 'table inet firewall { chain input { type filter hook input priority 0; iifname "hw1" drop; }; }\n',
    });
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode).to.equal(1);
    expect(new Set(report.results.map(({ cause }) => cause))).to.deep.equal(new Set(['dropped']));
    await lab.backend.must(['nft', 'delete', 'table', 'inet', 'firewall']);
  });

  it('is back after a boot of the backend while the relay’s daemon is down', async () => {
    paired.controller.kill('SIGKILL');
    paired.agent.kill('SIGKILL');
    await Promise.all([paired.controller.ended, paired.agent.ended]);
    expect((await homeward(lab.backend, 'agent', ['down'])).exitCode).to.equal(0);
    start(lab.backend, 'agent', ['run']);
    await poll('the client at nginx again', 10_000, async () => {
      await expectTcp(lab, 80, nginx);
      return true;
    });
    await expectUdp(lab, 5300, echo);
  });
});
