/** The lab itself: what the other tests rely on, without homeward. */
import { expect } from 'chai';
import { endpoint } from '../support/endpoint.js';
import { address, address6, createLab, type Lab, removeIpv6Uplink } from '../support/lab.js';
import { membersOf } from '../support/lab-mark.js';
import { expectDnsAt, expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet, transfer, udpAsk } from '../support/scripts.js';
import { startBlob, startDnsmasq, startNginx, startUdpEcho } from '../support/services.js';

const relayHosts = ['relay', 'relay2'] as const;
const backendHosts = ['backend', 'backend2'] as const;

describe('the lab', () => {
  let lab: Lab;

  before(async () => {
    lab = await createLab();
  });
  after(() => lab?.close());

  for (const relay of relayHosts) {
    it(`reaches ${relay} from the client with the client’s own address, in both families`, async () => {
      const [nginx, echo, dnsmasq] = await Promise.all([
        startNginx(lab[relay], 80),
        startUdpEcho(lab[relay], 5300, '::'),
        startDnsmasq(lab[relay]),
      ]);
      for (const host of [address[relay], address6[relay]]) {
        await expectTcpAt(lab, host, 80, nginx);
        await expectUdpAt(lab, host, 5300, echo);
        await expectDnsAt(lab, host, 53, dnsmasq);
      }
    });
  }

  it('reaches the relay’s second address, too', async () => {
    const nginx = await startNginx(lab.relay, 81);
    await expectTcpAt(lab, address.relaySecond, 81, nginx);
  });

  it('has UDP services that serve one family only', async () => {
    await startUdpEcho(lab.relay, 5304);
    await startUdpEcho(lab.relay, 5306, ':: v6only');
    const answers = (port: number): Promise<boolean[]> =>
      Promise.all(
        [address.relay, address6.relay].map(
          async (host) => (await udpAsk(lab.client, host, port, 2)).from === endpoint(host, port),
        ),
      );
    expect(await answers(5304)).to.deep.equal([true, false]);
    expect(await answers(5306)).to.deep.equal([false, true]);
  });

  it('carries bytes in both families', async () => {
    await startBlob(lab.relay, 8081);
    for (const host of [address.relay, address6.relay]) {
      const got = await transfer(lab.client, 'get', `http://${endpoint(host, 8081)}`, 100_000);
      expect(got).to.include({ bytes: 100_000, sha256: got.expected });
    }
  });

  for (const backend of backendHosts) {
    it(`hides ${backend} behind the home’s public IPv4 address, and shows its own IPv6 address`, async () => {
      for (const relay of relayHosts) {
        const ask = async (host: string): Promise<string | null> => (await udpAsk(lab[backend], host, 5300)).reply;
        expect(await ask(address[relay])).to.match(new RegExp(`^${address.home}:`));
        expect(await ask(address6[relay])).to.include(`[${address6[backend]}]:`);
      }
    });

    it(`has no way from the client to ${backend}`, async () => {
      await startUdpEcho(lab[backend], 5300, '::');
      for (const host of [address[backend], address6[backend]]) {
        expect((await udpAsk(lab.client, host, 5300, 2)).reply).to.equal(null);
        expect((await udpAsk(lab.home, host, 5300)).from, 'from next door').to.equal(endpoint(host, 5300));
      }
    });
  }

  it('can take a backend’s IPv6 uplink away', async () => {
    await removeIpv6Uplink(lab.backend2);
    const addresses = await lab.backend2.must(['ip', '-6', '-brief', 'address', 'show', 'dev', 'eth0']);
    expect(addresses.trim().split(/\s+/).slice(2))
      .to.have.length(1)
      .and.to.match(/^fe80:/);
    expect(await lab.backend2.must(['ip', '-6', 'route', 'show', 'default'])).to.equal('');
    expect((await udpAsk(lab.backend2, address.relay, 5300)).reply).to.match(new RegExp(`^${address.home}:`));
    expect((await tcpGet(lab.backend2, address6.relay, 80)).errors.join()).to.match(/ENETUNREACH/);
  });

  it('filters strictly by reverse path at relays and backends', async () => {
    for (const name of [...relayHosts, ...backendHosts]) {
      const values = await lab[name].must([
        'sysctl',
        '-n',
        ...['all', 'default', 'eth0'].map((at) => `net.ipv4.conf.${at}.rp_filter`),
      ]);
      expect(values.split('\n'), name).to.deep.equal(['1', '1', '1']);
    }
  });

  it('is gone with all its processes when closed', async () => {
    const other = await createLab();
    other.relay.spawn(['setsid', '--fork', 'sleep', '1000']);
    await other.close();
    expect(membersOf(other.name)).to.deep.equal([]);
  });
});
