/** One command on each side, and every service sees the address and port of the real client. */
import { expect } from 'chai';
import { controllerStatus, probe } from '../support/homeward.js';
import { address, createLab, type Lab } from '../support/lab.js';
import { type Paired, pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { expectDns, expectTcp, expectUdp } from '../support/real-client.js';
import { tcpGet, transfer } from '../support/scripts.js';
import { type Service, startBlob, startDnsmasq, startIperf, startNginx, startUdpEcho } from '../support/services.js';

const forwards = [
  '80/tcp',
  '8080=80/tcp',
  '8081/tcp',
  '5300/udp',
  '5301/udp',
  '53/udp',
  '9998/udp',
  '9999/tcp',
  '5201/tcp',
];
const transferBytes = 100 * 1024 * 1024;

describe('pairing', () => {
  let lab: Lab;
  let paired: Paired;
  let nginx: Service;
  let echo: Service;
  let dnsmasq: Service;

  before(async () => {
    lab = await createLab();
    [nginx, echo, dnsmasq] = await Promise.all([
      startNginx(lab.backend, 80),
      startUdpEcho(lab.backend, 5300),
      startDnsmasq(lab.backend),
      startBlob(lab.backend, 8081),
      startIperf(lab.backend),
    ]);
    paired = await pairUp(lab, { forwards });
  });
  after(() => lab?.close());

  it('tells its events in order and ends with a measured ok', () => {
    const order = ['token', 'enrolled', 'applied', 'probed', 'done'];
    const events = paired.pairing.events();
    expect(events.map(({ event }) => event).filter((event) => order.includes(event))).to.deep.equal(order);
    expect(events.at(-1)).to.include({ event: 'done', ok: true });
  });

  it('shows the pairing as online with all its forwards active', async () => {
    const { backends } = await controllerStatus(lab.relay);
    expect(backends.map(({ name, state }) => ({ name, state }))).to.deep.equal([{ name: 'home', state: 'online' }]);
    const home = backends[0];
    expect(home?.forwards.map(({ spec }) => spec)).to.have.members(forwards);
    expect(home?.forwards.filter(({ state }) => state !== 'active')).to.deep.equal([]);
    expect(home?.proof?.ok).to.equal(true);
  });

  it('shows TCP services the client', () => expectTcp(lab, 80, nginx));

  it('shows TCP services on another port the client', () => expectTcp(lab, 8080, nginx));

  it('shows a UDP service bound to the wildcard the client', () => expectUdp(lab, 5300, echo));

  it('shows a UDP service bound to the tunnel address the client', async () => {
    const tunnelAddress = (await controllerStatus(lab.relay)).backends[0]?.tunnel?.backendAddress;
    const bound = await startUdpEcho(lab.backend, 5301, tunnelAddress);
    // The agent first has to notice the new listener.
    await poll('an answer of the bound echo', 10_000, async () => {
      await expectUdp(lab, 5301, bound, 2);
      return true;
    });
  });

  it('shows dnsmasq the client', () => expectDns(lab, 53, dnsmasq));

  it('carries 100 MB to the client unharmed', async () => {
    const got = await transfer(lab.client, 'get', `http://${address.relay}:8081`, transferBytes);
    expect(got).to.include({ bytes: transferBytes, sha256: got.expected });
  });

  it('carries 100 MB from the client unharmed', async () => {
    const put = await transfer(lab.client, 'put', `http://${address.relay}:8081/`, transferBytes);
    expect(put).to.include({ bytes: transferBytes, sha256: put.expected });
  });

  it('carries 200 connections at once', async () => {
    const { replies, errors } = await tcpGet(lab.client, address.relay, 80, 200);
    expect(errors).to.deep.equal([]);
    expect(replies.filter((reply) => reply === 'hello')).to.have.length(200);
  });

  it('carries four streams of iperf3 in either direction', async () => {
    for (const direction of [[], ['--reverse']]) {
      const command = `iperf3 --client ${address.relay} --time 1 --parallel 4 --json`.split(' ').concat(direction);
      // iperf3 serves one test at a time and is busy for a moment after each.
      const bytes = await poll('a result of iperf3', 10_000, async () => {
        const { stdout } = await lab.client.run(command);
        return (JSON.parse(stdout) as { end: { sum_received?: { bytes: number } } }).end.sum_received?.bytes;
      });
      expect(bytes).to.be.above(1_000_000);
    }
  });

  it('proves a forward by its own echo where nothing listens', async () => {
    const { exitCode, report } = await probe(lab.relay, ['home']);
    const without = report.results.filter(({ port }) => port === 9998 || port === 9999);
    expect(without.map(({ family, port }) => `${family} ${port}`)).to.have.members(
      ['ipv4', 'ipv6'].flatMap((family) => [`${family} 9998`, `${family} 9999`]),
    );
    for (const result of without) {
      expect(result.ok, JSON.stringify(result)).to.equal(true);
      expect(result.service).to.be.oneOf(['refused', 'silent']);
      expect(result.seen).to.equal(result.client);
    }
    expect({ exitCode, ok: report.ok }).to.deep.equal({ exitCode: 0, ok: true });
  });

  it('proves what a service answers by the address the backend saw and the link of the reply', async () => {
    const { report } = await probe(lab.relay, ['home', '--forward', '80/tcp']);
    expect(report.results.map(({ family }) => family)).to.have.members(['ipv4', 'ipv6']);
    for (const result of report.results) {
      expect(result).to.include({ forward: '80/tcp', service: 'answered', replied: true, ok: true });
      expect(result).to.include({ arrivedOn: 'hw1', leftOn: 'hw1', seen: result.client });
    }
  });
});
