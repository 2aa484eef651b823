/** A host behind the backend that does not answer through it: the proof tells why, and what to type where that mends it. */
import { expect } from 'chai';
import { bracketed, endpoint } from '../support/endpoint.js';
import { homeward, type ProbeResult, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { tcpGet, udpAsk } from '../support/scripts.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { expectDone } from '../support/tidy.js';

const relays = [address.relay, address6.relay];
const routers = ['192.168.1.1', '2001:db8:1::1'];
const lans = [address.lan, address6.lan];
const networks = ['192.168.1.0/24', '2001:db8:1::/64', '10.9.9.9/32'];
const enrollArgs = networks.flatMap((network) => ['--allow-lan', network]);

/** The home's own router, as most hosts have it, instead of the backend. */
const useRouter = async (lab: Lab): Promise<void> => {
  for (const via of routers) await lab.lan.must(['ip', 'route', 'replace', 'default', 'via', via]);
};

/** The causes of all, each once; null for what is proven. */
const causes = (results: readonly ProbeResult[]): (string | null)[] => [...new Set(results.map(({ cause }) => cause))];

const addForwards = async (lab: Lab, specs: readonly string[]): Promise<void> =>
  expectDone(await homeward(lab.relay, 'controller', ['forward', 'add', 'home', ...specs]));

describe('a host behind the backend whose gateway is another machine', () => {
  /** One port, a range that is shifted and one that is not, each for either family. */
  const specs = lans
    .map(bracketed)
    .flatMap((lan) => [`8088=${lan}:80/tcp`, `5300-5310=${lan}:5300-5310/udp`, `8100-8110=${lan}:8000-8010/tcp`]);
  const udpPorts = [5300, 5305, 5310];
  let lab: Lab;
  let nginx: Service;
  let echoes: Service[];
  let lastOfRange: Service;
  let printed: string;

  before(async () => {
    lab = await createLab();
    await useRouter(lab);
    [nginx, lastOfRange] = await Promise.all([startNginx(lab.lan, 80), startNginx(lab.lan, 8010)]);
    echoes = await Promise.all(udpPorts.map((port) => startUdpEcho(lab.lan, port, '::')));
    await pairUp(lab, { forwards: [], enrollArgs });
    await addForwards(lab, specs);
  });
  after(() => lab?.close());

  it('gets the client’s request, and its answer is lost on another way', async () => {
    for (const host of relays) {
      const { localPort, from } = await udpAsk(lab.client, host, 5300, 2);
      expect(from).not.to.equal(endpoint(host, 5300));
      expect(echoes[0]?.seen().at(-1)).to.equal(
        endpoint(host === address.relay ? address.client : address6.client, localPort),
      );
    }
  });

  it('is told by the proof as what it is, for TCP and UDP', async () => {
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode).to.equal(1);
    for (const result of report.results) {
      expect(result.ok, JSON.stringify(result)).to.equal(false);
      const host = result.family === 'ipv6' ? address6.lan : address.lan;
      expect(result.hint).to.include(`the gateway of ${host} is probably another machine`);
      expect(result.hint).to.include(`run homeward's agent on ${host} itself`);
      expect(result.cause).to.equal('no-way-back');
    }
    expect(report.results.find(({ port }) => port === 8088)?.hint).to.match(
      /^it arrived at 192\.168\.1\.99:80, which answers/,
    );
    expect(report.results.find(({ port }) => port === 8100)?.hint).to.match(/nothing listens on 192\.168\.1\.99:8000/);
  });

  it('is told with commands to type there, for people', async () => {
    const { stdout, exitCode } = await homeward(lab.relay, 'controller', ['probe']);
    expect(exitCode).to.equal(1);
    printed = stdout;
    for (const host of [address.lan, address6.lan]) expect(printed).to.include(`  to type at ${host} (Linux;`);
    expect(printed).to.include('    ip route add default via 192.168.1.10 src 192.168.1.99 table 77\n');
    expect(printed).to.include('    ip rule add pref 77 ipproto tcp sport 8000-8010 lookup 77\n');
  });

  it('answers through the backend once these were typed, and sees every client', async () => {
    const commands = printed.split('\n').filter((line) => line.startsWith('    ip '));
    for (const command of commands) await lab.lan.must(command.trim().split(' '));
    const { exitCode, report } = await probe(lab.relay);
    expect(exitCode, JSON.stringify(report.results.filter(({ ok }) => !ok))).to.equal(0);
    for (const host of relays) {
      await expectTcpAt(lab, host, 8088, nginx);
      await expectTcpAt(lab, host, 8110, lastOfRange);
      for (const [index, echo] of echoes.entries()) await expectUdpAt(lab, host, udpPorts[index] ?? 0, echo);
    }
  });

  it('serves its own network as before, and goes by its own gateway for all else', async () => {
    for (const [index, host] of [address.lan, address6.lan].entries()) {
      expect((await tcpGet(lab.backend2, host, 80)).replies).to.deep.equal(['hello']);
      const client = [address.client, address6.client][index] ?? '';
      expect(await lab.lan.must(['ip', 'route', 'get', client])).to.include(` via ${routers[index]} `);
    }
  });
});

describe('a host behind the backend that does not answer', () => {
  let lab: Lab;
  before(async () => {
    lab = await createLab();
    await startNginx(lab.lan, 80);
    // A kernel that forgets within a second that a neighbour was there, and not within a minute.
    const quick = ['base_reachable_time_ms=1000', 'delay_first_probe_time=1'];
    const settings = ['ipv4', 'ipv6'].flatMap((family) =>
      quick.map((setting) => `net.${family}.neigh.eth0.${setting}`),
    );
    await lab.backend.must(['sysctl', '-q', ...settings]);
    await pairUp(lab, { forwards: [], enrollArgs });
  });
  after(() => lab?.close());

  /** What the probe says of the forwards alone. */
  const tried = async (...specs: string[]): Promise<ProbeResult[]> => {
    await addForwards(lab, specs);
    const { report } = await probe(lab.relay);
    expectDone(await homeward(lab.relay, 'controller', ['forward', 'remove', 'home', ...specs]));
    return report.results;
  };
  /** The cause of all of them, and the first hint of each family. */
  const expectRed = (results: readonly ProbeResult[], cause: string, hint: (host: string) => string): void => {
    expect(causes(results), JSON.stringify(results)).to.deep.equal([cause]);
    expect(results.find(({ family }) => family === 'ipv4')?.hint).to.include(hint(address.lan));
    expect(results.find(({ family }) => family === 'ipv6')?.hint).to.include(hint(address6.lan));
  };
  const ofBoth = (spec: (lan: string) => string): string[] => lans.map(bracketed).map(spec);
  const dropping = async (...matches: string[]): Promise<void> => {
    const rules = matches.map((match) => `${match} drop;`).join(' ');
    const input = `table inet firewall { chain input { type filter hook input priority 0; ${rules} }; }\n`;
    await lab.lan.must(['nft', '-f', '-'], { input });
  };
  const nothingDropped = (): Promise<string> => lab.lan.must(['nft', 'delete', 'table', 'inet', 'firewall']);

  it('since nothing listens there is proven, and shown as refused', async () => {
    const results = await tried(...ofBoth((lan) => `8090=${lan}/tcp+udp`));
    expect(results).to.have.length(4);
    for (const result of results) {
      expect(result, JSON.stringify(result)).to.include({ ok: true, service: 'refused', seen: result.client });
    }
  });

  it('since nobody has its address is told so', async () => {
    const results = await tried(...ofBoth((lan) => `8090=${lan.replace('99', '98')}/tcp+udp`));
    expectRed(results, 'host-absent', (host) => `nobody has the address ${host.replace('99', '98')} on the backend's`);
  });

  it('since its firewall drops what comes is told so', async () => {
    await dropping('tcp dport 80');
    const results = await tried(...ofBoth((lan) => `8088=${lan}:80/tcp`));
    expectRed(results, 'host-silent', (host) => `a firewall of ${host} drops it`);
    await nothingDropped();
  });

  it('since its firewall lets in its own network only is told as that, or as another gateway', async () => {
    await dropping('ip saddr != 192.168.1.0/24 tcp dport 80', 'ip6 saddr != 2001:db8:1::/64 tcp dport 80');
    const results = await tried(...ofBoth((lan) => `8088=${lan}:80/tcp`));
    expectRed(results, 'no-way-back', (host) => `${host} is probably another machine, or its firewall lets in its own`);
    await nothingDropped();
  });

  it('to a datagram of anybody is not proven, and told as what it may be', async () => {
    await dropping('udp dport 8090');
    const results = await tried(...ofBoth((lan) => `8090=${lan}/udp`));
    expectRed(results, 'no-reply', (host) => `or the gateway of ${host} may be another machine`);
    await nothingDropped();
  });

  it('and is reached by way of a router is told with that router’s address', async () => {
    await lab.backend2.must(['ip', 'address', 'add', '10.9.9.9/32', 'dev', 'lo']);
    await lab.backend.must(['ip', 'route', 'add', '10.9.9.9', 'via', address.backend2]);
    await startNginx(lab.backend2, 80);
    const [result] = await tried('8088=10.9.9.9:80/tcp');
    expect(result, JSON.stringify(result)).to.include({ cause: 'no-way-back', remedy: null });
    expect(result?.hint).to.include(`the way, first ${address.backend2}, send its answers to ${address.backend}`);
  });

  it('because it went off, after it was there, is told as not there', async () => {
    const specs = ofBoth((lan) => `8088=${lan}:80/tcp`);
    expect(causes(await tried(...specs))).to.deep.equal([null]);
    await lab.lan.must(['ip', 'link', 'set', 'eth0', 'down']);
    expectRed(await tried(...specs), 'host-absent', (host) => `nobody has the address ${host}`);
  });
});
