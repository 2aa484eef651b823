/**
 * A relay that was taken over: its daemon is dead, its rules are gone, and somebody with a shell there sends into the tunnel
 * what he likes. At the backend nothing but the allowed forwards gets past the filter.
 */
import { expect } from 'chai';
import { controllerStatus, type TunnelStatus } from '../support/homeward.js';
import { timeExceeded } from '../support/icmp.js';
import { address, address6, createLab, type Lab } from '../support/lab.js';
import { pairUp } from '../support/pairing.js';
import { poll } from '../support/poll.js';
import { sendRaw } from '../support/raw-ip.js';
import type { Running } from '../support/running.js';
import { script } from '../support/scripts.js';
import { startNginx, startUdpEcho, type UdpEcho } from '../support/services.js';
import { expectLogin, startSshd } from '../support/ssh.js';
import { forgetSwept, placeWitness, sweptPorts, witnessed } from '../support/witness.js';

/** Some of these listen at the backend: SSH, a second nginx. Two ports are allowed. */
const knocked = [1, 22, 23, 80, 111, 443, 2222, 3306, 5300, 8022, 8080, 10_250, 51_820];
const portsUpTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const everyPort = portsUpTo(65_535);
/** Another link of the backend, which is none of the relay's business. */
const second = { ipv4: '10.202.0.2', ipv6: '2001:db8:e::2' } as const;
const allowed = { tcp: 80, udp: 5300 } as const;
/** Somebody listens there, too, at the tunnel's address: for the backend itself and its own network. */
const forbiddenUdp = 5301;
/** Whoever the attacker says to be where his word must be taken. */
const strangers = { ipv4: '203.0.113.99', ipv6: '2001:db8:c::99' } as const;
/** Whoever he says to be where nothing at all may come of it. */
const intruders = { ipv4: '203.0.113.66', ipv6: '2001:db8:c::66' } as const;

describe('a relay that was taken over', () => {
  let lab: Lab;
  let echo: UdpEcho;
  let forbidden: Readonly<Record<'ipv4' | 'ipv6', UdpEcho>>;
  let tunnel: TunnelStatus;

  before(async () => {
    lab = await createLab();
    // The backend is a router for its LAN, so nothing but homeward's filter is in the way.
    await lab.backend.must(['sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    await lab.backend.must(['ip', '-6', 'route', 'replace', 'default', 'via', '2001:db8:1::1']);
    await Promise.all([
      startNginx(lab.backend, 80),
      startNginx(lab.backend, 8080),
      startNginx(lab.lan, 80),
      startSshd(lab.backend, lab.lan),
    ]);
    echo = await startUdpEcho(lab.backend, allowed.udp, '::');
    await lab.backend.must(['ip', '-batch', '-'], {
      input: [
        'link add up2 type veth peer name up2-far',
        'link set up2 up',
        'link set up2-far up',
        `address add ${second.ipv4}/24 dev up2`,
        `address add ${second.ipv6}/64 dev up2 nodad`,
        '',
      ].join('\n'),
    });
    const { controller } = await pairUp(lab, { forwards: ['80/tcp', '5300/udp'] });
    const [backend] = (await controllerStatus(lab.relay)).backends;
    if (backend?.tunnel === null || backend === undefined) throw new Error('there is no tunnel');
    tunnel = backend.tunnel;
    forbidden = {
      ipv4: await startUdpEcho(lab.backend, forbiddenUdp, at('ipv4').backend),
      ipv6: await startUdpEcho(lab.backend, forbiddenUdp, at('ipv6').backend),
    };
    await controller.kill('SIGKILL');
    await lab.relay.must(['nft', 'delete', 'table', 'inet', 'homeward_relay']);
    const peer = (await lab.relay.must(['wg', 'show', 'hw0', 'peers'])).trim();
    await lab.relay.must(['wg', 'set', 'hw0', 'peer', peer, 'allowed-ips', '0.0.0.0/0,::/0']);
    const own = [address.backend, address.lan, address6.backend, address6.lan, '192.168.1.1', '224.0.0.251'].concat(
      Object.values(second),
    );
    const claimed = [...Object.values(strangers), ...Object.values(intruders), address.client, address6.client];
    await lab.relay.must(['ip', '-batch', '-'], {
      input: [
        ...own.map((each) => `route add ${each} dev hw0`),
        ...claimed.map((each) => `address add ${each}/${each.includes(':') ? '128 nodad' : 32} dev lo`),
        '',
      ].join('\n'),
    });
    await lab.relay.must(['sysctl', '-q', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.hw0.rp_filter=0']);
    // Its answers to what services say to it would be let in, as answers.
    await lab.relay.must(['nft', '-f', '-'], {
      input: [
        'table inet quiet {',
        'chain out {',
        'type filter hook output priority 0; policy accept;',
        'icmp type destination-unreachable drop',
        'icmpv6 type destination-unreachable drop',
        '}',
        '}',
        '',
      ].join('\n'),
    });
    await placeWitness(lab.backend, 'hw1');
    // The kernel itself would refuse what comes to 127.0.0.1 by a link.
    await lab.backend.must(['sysctl', '-q', 'net.ipv4.conf.hw1.route_localnet=1']);
  });
  after(() => lab?.close());

  const at = (family: 'ipv4' | 'ipv6'): { backend: string; relay: string; lan: string; uplink: string } =>
    family === 'ipv4'
      ? { backend: tunnel.backendAddress, relay: tunnel.relayAddress, lan: address.lan, uplink: address.backend }
      : {
          backend: tunnel.backendAddress6 ?? '',
          relay: tunnel.relayAddress6 ?? '',
          lan: address6.lan,
          uplink: address6.backend,
        };
  const quoted = (host: string): string => (host.includes(':') ? `[${host}]` : host);

  /** The allowed things, which a client of any address may do. */
  const good = (): string[] =>
    (['ipv4', 'ipv6'] as const).flatMap((family) => [
      `${strangers[family]} ${at(family).backend} tcp ${allowed.tcp}`,
      `${strangers[family]} ${at(family).backend} udp ${allowed.udp}`,
      // A wildcard-bound UDP service is handed them at the address it answers from.
      `${strangers[family]} ${at(family).uplink} udp ${allowed.udp}`,
    ]);

  /** One datagram through the tunnel, from any address the relay gave itself. */
  const datagram = (from: string, fromPort: number, to: string, port: number, text: string): Promise<string> =>
    lab.relay.must(
      ['socat', '-u', '-', `UDP-SENDTO:${quoted(to)}:${port},bind=${quoted(from)}:${fromPort},reuseaddr`],
      { input: text },
    );

  /** While the action runs, packets into the tunnel leave with another source or destination than the kernel lets one choose. */
  const forging = async (rewrite: string, action: () => Promise<unknown>): Promise<void> => {
    await lab.relay.must(['nft', '-f', '-'], {
      input: `table inet forge { chain out { type filter hook postrouting priority 400; oifname "hw0" ${rewrite}; }; }\n`,
    });
    await action();
    await lab.relay.must(['nft', 'delete', 'table', 'inet', 'forge']);
  };

  const arrived = (line: string): Promise<true> =>
    poll(`${line} out of the tunnel`, 10_000, async () =>
      (await witnessed(lab.backend)).arrived.has(line) ? true : undefined,
    );
  const heard = (text: string): Promise<true> =>
    poll(`"${text}" at the service`, 10_000, () => (echo.heard().includes(text) ? true : undefined));
  /** Everything else that got past the filter. */
  const delivered = async (except: readonly string[] = []): Promise<string[]> =>
    [...(await witnessed(lab.backend)).delivered].filter((line) => !except.includes(line));

  for (const family of ['ipv4', 'ipv6'] as const) {
    describe(`by ${family}`, () => {
      const from = strangers[family];
      const expectNothingElse = async (): Promise<void> => {
        expect((await delivered(good())).join('\n')).to.equal('');
      };
      const intruder = intruders[family];
      const word = family === 'ipv4' ? 'ip' : 'ip6';
      /** Knocks at some TCP ports, and sends to others without waiting; gives those of the first that answered. */
      const sweep = (
        host: string,
        as: string,
        sentTo: { readonly tcp?: readonly number[]; readonly udp?: readonly number[] },
        knockedAt: readonly number[],
      ): Promise<number[]> =>
        lab.relay.json(script('clients/sweep', host, as, ...knockedAt.map(String)), {
          input: JSON.stringify({ tcp: [], udp: [], ...sentTo }),
          timeoutMs: 120_000,
        });
      /** A packet to each port, and again to those that a tunnel in user space lost, until all have come out of it. */
      const sweepUntilAllCame = async (host: string, as: string): Promise<void> => {
        await forgetSwept(lab.backend);
        for (const transport of ['tcp', 'udp'] as const) {
          let missing = everyPort;
          await poll(`${transport} to every port out of the tunnel`, 120_000, async () => {
            await sweep(host, as, { [transport]: missing }, []);
            const came = await sweptPorts(lab.backend, transport);
            missing = everyPort.filter((port) => !came.has(port));
            return missing.length === 0 ? true : undefined;
          });
        }
      };

      it('reaches of all ports the two allowed ones', async () => {
        const { backend } = at(family);
        expect(await sweep(backend, from, {}, knocked)).to.deep.equal([allowed.tcp]);
        await sweepUntilAllCame(backend, from);
        for (const transport of ['tcp', 'udp']) await arrived(`${from} ${backend} ${transport}`);
        await datagram(from, 0, backend, allowed.udp, `after the sweep by ${family}`);
        await heard(`after the sweep by ${family}`);
        expect(await delivered()).to.include.members([
          `${from} ${backend} tcp ${allowed.tcp}`,
          `${from} ${at(family).uplink} udp ${allowed.udp}`,
        ]);
        await expectNothingElse();
      });

      it('reaches no other address of the backend, and no host behind it', async () => {
        const { uplink, lan } = at(family);
        await Promise.all(
          [uplink, lan, second[family]].map(async (host) => {
            expect(await sweep(host, intruder, { udp: portsUpTo(6000) }, [22, 80])).to.deep.equal([]);
            for (const transport of ['tcp', 'udp']) await arrived(`${intruder} ${host} ${transport}`);
          }),
        );
        await expectNothingElse();
      });

      it('reaches neither loopback nor what is for many, not even by an allowed port', async () => {
        const { backend } = at(family);
        const destinations =
          family === 'ipv4'
            ? ['127.0.0.1', '127.0.0.53', '192.168.1.255', '255.255.255.255', '224.0.0.1', '0.0.0.0']
            : ['::1', 'ff02::1', 'fe80::1', '::ffff:127.0.0.1', '::'];
        for (const to of destinations) {
          await forging(`${word} daddr set ${to}`, async () => {
            await datagram(from, 0, backend, allowed.udp, `to ${to}`);
            if (to === destinations[1]) expect(await sweep(backend, from, {}, [22, allowed.tcp])).to.deep.equal([]);
          });
        }
        for (const transport of ['tcp', 'udp']) await arrived(`${from} ${destinations[1]} ${transport}`);
        await datagram(from, 0, backend, allowed.udp, `after other destinations by ${family}`);
        await heard(`after other destinations by ${family}`);
        expect(echo.heard().filter((text) => text.startsWith('to '))).to.deep.equal([]);
        await expectNothingElse();
      });

      it('gains nothing by marks, nor by pieces', async () => {
        const { backend } = at(family);
        for (const mark of ['0x01000000', '0xffffffff']) {
          await forging(`meta mark set ${mark} ct mark set ${mark}`, async () => {
            expect(await sweep(backend, intruder, { udp: portsUpTo(1024) }, [22, 8080])).to.deep.equal([]);
          });
        }
        // More than a tunnel carries at once; the services take down forty characters.
        const cut = `in pieces by ${family} `.padEnd(40, '.');
        await datagram(intruder, 0, backend, forbiddenUdp, cut.padEnd(4000));
        await datagram(from, 0, backend, allowed.udp, cut.padEnd(4000));
        await heard(cut);
        expect(forbidden[family].heard()).not.to.include(cut);
        await expectNothingElse();
      });

      it('is heard under no name that no client can have, not even at an allowed port', async () => {
        const { backend, uplink, lan } = at(family);
        const impossible =
          family === 'ipv4'
            ? [
                backend,
                second.ipv4,
                lan,
                uplink,
                '127.0.0.1',
                '0.0.0.0',
                '224.0.0.251',
                '255.255.255.255',
                '192.168.1.1',
              ]
            : [backend, second.ipv6, lan, uplink, '::1', '::', 'ff02::1', 'fe80::1', '::ffff:192.168.1.99'];
        for (const source of impossible) {
          await forging(`${word} saddr set ${source}`, () => datagram(from, 0, backend, allowed.udp, `as ${source}`));
        }
        await datagram(from, 0, backend, allowed.udp, `after all that by ${family}`);
        await heard(`after all that by ${family}`);
        expect(echo.heard().filter((text) => text.startsWith('as '))).to.deep.equal([]);
        await expectNothingElse();
      });

      it('reaches nothing by other protocols', async () => {
        const { backend, lan } = at(family);
        for (const host of [backend, lan]) {
          if (host === lan) await lab.relay.must(['ip', 'route', 'replace', lan, 'dev', 'hw0']);
          await lab.relay.run(['ping', '-c', '2', '-W', '1', '-I', intruder, host]);
          for (const protocol of [47, 50, 132, 253]) {
            await sendRaw(lab.relay, intruder, host, protocol, Buffer.from('a packet that nobody asked for'));
          }
          await poll('the last one out of the tunnel', 10_000, async () =>
            [...(await witnessed(lab.backend)).arrived].some((line) => /^\S+ \S+ (253|unknown)/.test(line))
              ? true
              : undefined,
          );
        }
        await expectNothingElse();
      });

      it('cannot speak into what the backend talks about with others', async () => {
        const client = family === 'ipv4' ? address.client : address6.client;
        const { uplink } = at(family);
        await startUdpEcho(lab.client, 6666 + Number(family === 'ipv6'), family === 'ipv4' ? '0.0.0.0' : '::');
        const port = 6666 + Number(family === 'ipv6');
        const talk: Running = lab.backend.spawn(
          ['socat', '-', `UDP:${quoted(client)}:${port},bind=${quoted(uplink)}:5555`],
          { interactive: true },
        );
        talk.type('one\n');
        await talk.prints(/one/);
        await datagram(client, port, uplink, 5555, 'forged');
        await arrived(`${client} ${uplink} udp`);
        talk.type('two\n');
        await talk.prints(/two/);
        expect(talk.stdout()).not.to.contain('forged');
        await expectNothingElse();
        await talk.kill();
      });

      it('cannot speak into what others talk about with the address of the tunnel', async () => {
        const { backend, lan } = at(family);
        const tells = (text: string): Promise<true> =>
          poll(`"${text}" at the forbidden service`, 10_000, () =>
            forbidden[family].heard().includes(text) ? true : undefined,
          );
        for (const [node, own] of [
          [lab.lan, lan],
          [lab.backend, backend],
        ] as const) {
          const talk = node.spawn(['socat', '-', `UDP:${quoted(backend)}:${forbiddenUdp},bind=${quoted(own)}:5556`], {
            interactive: true,
          });
          talk.type(`one of ${own}\n`);
          await tells(`one of ${own}`);
          await talk.prints(/one of/);
          await forging(`${word} saddr set ${own}`, () =>
            datagram(from, 5556, backend, forbiddenUdp, `forged as ${own}`),
          );
          await arrived(`${own} ${backend} udp`);
          if (family === 'ipv4') {
            const error = timeExceeded(backend, forbiddenUdp, own, 5556);
            await sendRaw(lab.relay, intruder, backend, 1, error);
            await arrived(`${intruder} ${backend} icmp`);
          }
          talk.type(`two of ${own}\n`);
          await talk.prints(/two of/);
          await talk.kill();
        }
        expect(forbidden[family].heard().filter((text) => text.startsWith('forged'))).to.deep.equal([]);
        await expectNothingElse();
      });
    });
  }

  it('has not come in by SSH, which lets in its operator', async () => {
    await expectLogin(lab.lan, address.backend);
    await expectLogin(lab.lan, address6.backend);
  });
});
