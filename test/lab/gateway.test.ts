/** A transparent gateway on the backend: its services see their clients beside it; what it takes from hosts behind it is named, with what exempts it. */
import { expect } from 'chai';
import { homeward, probe } from '../support/homeward.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { exemptionsIn, type Gateway, gatewayTools, startGateway } from '../support/neighbours/gateway.js';
import { pairUp } from '../support/pairing.js';
import { expectTcpAt, expectUdpAt } from '../support/real-client.js';
import { type Service, startNginx, startUdpEcho } from '../support/services.js';
import { type Snapshot, snapshot } from '../support/snapshot.js';
import { expectDone, expectUnchanged } from '../support/tidy.js';

const hosts = [address.relay, address6.relay];

const behind = [
  `8080=${address.lan}:8080/tcp`,
  `5301=${address.lan}:5301/udp`,
  `8081=[${address6.lan}]:8080/tcp`,
  `5302=[${address6.lan}]:5301/udp`,
];

/** How each tool names the rule that takes a reply. */
const rules = {
  iptables: {
    table: (family: string) => `${family} mangle`,
    chain: 'clash',
    rule: /^-A clash -p (tcp|udp) -j TPROXY --on-port 7893 /,
    exemption: (family: string) =>
      `${family}tables -t mangle -I clash -m conntrack --ctdir REPLY -m connmark ! --mark 0/0xff000000 -j RETURN`,
  },
  nft: {
    table: (family: string) => `${family} gateway`,
    chain: 'prerouting',
    rule: /^meta l4proto \{ tcp, udp \} tproxy to :7893 meta mark set 0x0000029a accept$/,
    exemption: (family: string) =>
      `nft insert rule ${family} gateway prerouting ct direction reply ct mark and 0xff000000 != 0 return`,
  },
};

for (const tool of ['iptables', 'nft'] as const) {
  describe(`beside a transparent gateway made with ${tool}`, () => {
    let lab: Lab;
    let gateway: Gateway;
    let untouched: Snapshot;
    let nginx: Service;
    let echo: Service;
    let lanNginx: Service;
    let lanEcho: Service;

    before(async () => {
      lab = await createLab();
      [nginx, echo, lanNginx, lanEcho] = await Promise.all([
        startNginx(lab.backend, 80),
        startUdpEcho(lab.backend, 5300, '::'),
        startNginx(lab.lan, 8080),
        startUdpEcho(lab.lan, 5301, '::'),
        startNginx(lab.relay2, 80),
      ]);
      gateway = await startGateway(lab.backend, gatewayTools[tool], { ipv4: address.relay, ipv6: address6.relay });
      untouched = await snapshot(lab.backend);
      await expectGateway();
    });
    after(() => lab?.close());

    /** What the gateway is for. */
    const expectGateway = async (): Promise<void> => {
      for (const from of [lab.lan, lab.backend]) {
        for (const host of [address.relay2, address6.relay2]) await gateway.expectCaptured(from, host, 80);
      }
    };
    const expectOwnServices = async (): Promise<void> => {
      for (const host of hosts) {
        await expectTcpAt(lab, host, 80, nginx);
        await expectUdpAt(lab, host, 5300, echo);
      }
    };
    const expectLanServices = async (): Promise<void> => {
      await expectTcpAt(lab, address.relay, 8080, lanNginx);
      await expectUdpAt(lab, address.relay, 5301, lanEcho);
      await expectTcpAt(lab, address6.relay, 8081, lanNginx);
      await expectUdpAt(lab, address6.relay, 5302, lanEcho);
    };
    const green = async (): Promise<void> => {
      const { exitCode, report } = await probe(lab.relay);
      expect(exitCode, JSON.stringify(report)).to.equal(0);
    };
    /** The proof is red for the hosts behind alone, names the rules, and gives the commands. */
    const printedExemptions = async (): Promise<string[]> => {
      const { exitCode, report } = await probe(lab.relay);
      expect(exitCode, JSON.stringify(report)).to.equal(1);
      const named = rules[tool];
      const red = report.results.filter(({ ok }) => !ok);
      expect(red.map(({ forward }) => forward)).to.have.members(behind.map(canonical));
      for (const { family, cause, droppedBy, hint } of red) {
        const { rule, ...site } = droppedBy ?? {};
        const ip = family === 'ipv4' ? 'ip' : 'ip6';
        expect({ cause, ...site }, JSON.stringify(red)).to.deep.equal({
          ...{ cause: 'captured', at: 'backend', direction: 'reply' },
          ...{ table: named.table(ip), chain: named.chain },
        });
        expect(rule).to.match(named.rule);
        expect(hint)
          .to.match(/takes the reply for its proxy/)
          .and.to.include(`${rule}`);
        expect(hint?.endsWith(`: ${named.exemption(ip)}`), hint ?? '').to.equal(true);
      }
      return exemptionsIn(report);
    };

    it('services of the machine itself see their clients, with nothing to be done', async () => {
      await pairUp(lab, {
        forwards: ['80/tcp', '5300/udp'],
        enrollArgs: ['--allow-lan', '192.168.1.0/24', '--allow-lan', '2001:db8:1::/64'],
      });
      await expectOwnServices();
      await expectGateway();
    });

    for (const order of ['before', 'after'] as const) {
      it(`hosts behind a gateway that was started ${order} homeward are served once what is printed was typed`, async () => {
        if (order === 'after') await gateway.restart();
        else await homeward(lab.relay, 'controller', ['forward', 'add', 'home', ...behind]);
        const commands = await printedExemptions();
        for (const command of commands) await lab.backend.must(command.split(' '));
        await green();
        await expectLanServices();
        await expectOwnServices();
        await expectGateway();
      });
    }

    it('down leaves the gateway as it was found, and working', async () => {
      await gateway.restart();
      expectDone(await homeward(lab.backend, 'agent', ['down']));
      await expectUnchanged(lab.backend, untouched);
      await expectGateway();
    });
  });
}

/** As the relay prints a spec: without what goes without saying. */
const canonical = (spec: string): string => spec.replace(/^(\d+)(=.*):\1\//, '$1$2/');
