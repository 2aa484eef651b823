/** What should be in a relay's kernel for its pairings. */

import { tunnelOffer } from '@homeward/controller/desired/pairing-tunnel';
import { echoEntryPort, type RelayFacts, relayHostState } from '@homeward/controller/desired/relay-state';
import { parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { offerSchema } from '@homeward/shared/protocol/messages';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { fallbackTo, paired, pairing, relayState, throughDevice, throughGre } from '../store/relay-states.js';
import { relayFacts } from './relay-facts.js';
import { coarseLines, elementLines, textAt } from './state-lines.js';

const FACTS = relayFacts({
  forwarding: { guarded: { ipv4: ['eth0', 'eth1'], ipv6: ['eth0', 'eth1'] }, advertised: [], switched: [] },
});
/** The link that is there for backends to come. */
const OWN_TUNNEL = 'tunnels { hw0 }';
type State = ReturnType<typeof relayState>;

const lines = (state: State, facts = FACTS) => coarseLines(relayHostState(state, facts));
const elements = (state: State, facts = FACTS) => elementLines(relayHostState(state, facts));
/** Where clients are led, without the echo and without what counts. */
const led = (specs: readonly string[], facts = FACTS) =>
  elements(relayState([paired('home', 1, specs)]), facts).filter(
    (line) => !line.includes('bytes-') && !line.includes(' . 10001 ') && line !== OWN_TUNNEL,
  );
const counted = (specs: readonly string[]) =>
  elements(relayState([paired('home', 1, specs)])).filter((line) => line.includes('bytes-in'));

describe('desired/relay-state', () => {
  it('is, for one backend with two forwards, this', () => {
    const state = relayState([paired('home', 1, ['443/tcp', '198.51.100.1:53=5353/udp'])]);
    expect(lines(state)).to.deep.equal([
      'link hw0 wireguard mtu 1420 up',
      'wireguard hw0 key WG port 51820; peer WG-home allowed 10.77.16.2/32,fd77:16::2/128',
      'address 10.77.16.1/20 dev hw0',
      'address fd77:16::1/64 dev hw0',
      'sysctl net/ipv4/conf/all/send_redirects 0',
      'sysctl net/ipv4/ip_forward 1',
      'sysctl net/ipv6/conf/all/forwarding 1',
      'rule pref 5150 iif lo ipproto tcp sport 443 blackhole',
      'rule -6 pref 5150 iif lo ipproto tcp sport 443 blackhole',
      'table inet homeward_relay skeleton',
    ]);
    expect(elements(state)).to.have.members([
      OWN_TUNNEL,
      'exact4 { 192.0.2.1 . tcp . 10001 : 10.77.16.2 . 40404 }',
      'exact4 { 192.0.2.1 . udp . 10001 : 10.77.16.2 . 40404 }',
      'exact6 { 3fff:770::1 . tcp . 10001 : fd77:16::2 . 40404 }',
      'exact6 { 3fff:770::1 . udp . 10001 : fd77:16::2 . 40404 }',
      'any4 { tcp . 443 : 10.77.16.2 . 443 }',
      'any6 { tcp . 443 : fd77:16::2 . 443 }',
      'exact4 { 198.51.100.1 . udp . 53 : 10.77.16.2 . 5353 }',
      'bytes-in4 { 10.77.16.2 . tcp . 443 }',
      'bytes-out4 { 10.77.16.2 . tcp . 443 }',
      'bytes-in4 { 10.77.16.2 . udp . 5353 }',
      'bytes-out4 { 10.77.16.2 . udp . 5353 }',
      'bytes-in6 { fd77:16::2 . tcp . 443 }',
      'bytes-out6 { fd77:16::2 . tcp . 443 }',
    ]);
  });

  it('leads everything by one element of a family, and keeps what is its own, excepted, or of a backend that is away', () => {
    const home = paired('home', 1, ['443/tcp', 'all-except-25/tcp', '198.51.100.2:all-except-26/tcp']);
    const away = pairing('nas', 2, { forwards: ['80-81/tcp', '198.51.100.1:53/udp'].map(parseForward) });
    const doors = [
      { transport: 'tcp', address: '*', port: 22 },
      { transport: 'tcp', address: '198.51.100.2', port: 80 },
    ] as const;
    const found = elements(relayState([home, away]), { ...FACTS, families: ['ipv4'], doors });
    expect(found.filter((line) => /^(kept|excepted|any-whole|whole4|whole-)/.test(line))).to.have.members([
      'any-whole4 { 0.0.0.0/0 : 10.77.16.2 }',
      'whole4 { 198.51.100.2 : 10.77.16.2 }',
      'whole-bytes-in4 { 10.77.16.2 }',
      'whole-bytes-out4 { 10.77.16.2 }',
      ...['tcp . 22', 'tcp . 80-81', 'udp . 68', 'udp . 500', 'udp . 546', 'udp . 4500'].map(
        (key) => `kept { ${key} }`,
      ),
      'excepted { tcp . 25 }',
      'kept-at4 { 198.51.100.1 . udp . 53 }',
      'kept-at4 { 198.51.100.2 . tcp . 26 }',
      'kept-at4 { 198.51.100.2 . tcp . 80 }',
    ]);
    const without = elements(relayState([away, paired('home', 1, ['443/tcp'])]));
    expect(without.filter((line) => line.startsWith('kept'))).to.deep.equal([]);
  });

  it('leads a range that keeps its ports as one element, and one that shifts port by port', () => {
    expect(led(['1024-65535/udp'])).to.deep.equal([
      'any-range4 { udp . 1024-65535 : 10.77.16.2 }',
      'any-range6 { udp . 1024-65535 : fd77:16::2 }',
    ]);
    expect(led(['198.51.100.1:5000-5999/tcp', '[2001:db8::1]:5000-5999/tcp'])).to.have.members([
      'range4 { 198.51.100.1 . tcp . 5000-5999 : 10.77.16.2 }',
      'range6 { 2001:db8::1 . tcp . 5000-5999 : fd77:16::2 }',
    ]);
    expect(led(['198.51.100.1:8000-8002=9000-9002/tcp'])).to.deep.equal([
      'exact4 { 198.51.100.1 . tcp . 8000 : 10.77.16.2 . 9000 }',
      'exact4 { 198.51.100.1 . tcp . 8001 : 10.77.16.2 . 9001 }',
      'exact4 { 198.51.100.1 . tcp . 8002 : 10.77.16.2 . 9002 }',
    ]);
  });

  it("leads to a host behind the backend by the public ports, in the host's family", () => {
    expect(led(['80=192.168.1.9:8080/tcp', '8443=[fd00::9]:443/tcp'])).to.have.members([
      'any4 { tcp . 80 : 10.77.16.2 . 80 }',
      'any6 { tcp . 8443 : fd77:16::2 . 8443 }',
    ]);
    // Ports that differ at the host are shifted there: the range stays one element here.
    expect(led(['5000-5999=192.168.1.9:6000-6999/udp'])).to.deep.equal(['any-range4 { udp . 5000-5999 : 10.77.16.2 }']);
  });

  it('counts ports where they arrive at the backend, overlapping ranges as one', () => {
    expect(counted(['8443=443/tcp', '[2001:db8::1]:443/tcp', '80=192.168.1.9:8080/tcp'])).to.have.members([
      'bytes-in4 { 10.77.16.2 . tcp . 443 }',
      'bytes-in4 { 10.77.16.2 . tcp . 80 }',
      'bytes-in6 { fd77:16::2 . tcp . 443 }',
    ]);
    expect(counted(['198.51.100.1:5000-5999/udp', '198.51.100.2:5500-6500/udp', '7000-7001/udp'])).to.have.members([
      'range-bytes-in4 { 10.77.16.2 . udp . 5000-6500 }',
      'range-bytes-in4 { 10.77.16.2 . udp . 7000-7001 }',
      'range-bytes-in6 { fd77:16::2 . udp . 7000-7001 }',
    ]);
  });

  it('keeps backends apart: addresses, echo ports, allowed addresses', () => {
    const state = relayState([paired('home', 1, ['443/tcp']), paired('nas', 7, ['80/tcp'])]);
    expect(lines(state).join('\n')).to.include(
      'peer WG-home allowed 10.77.16.2/32,fd77:16::2/128; peer WG-nas allowed 10.77.16.8/32,fd77:16::8/128',
    );
    expect(elements(state)).to.include.members([
      'any4 { tcp . 80 : 10.77.16.8 . 80 }',
      'any6 { tcp . 80 : fd77:16::8 . 80 }',
    ]);
    const entries = state.pairings.map(echoEntryPort);
    expect(new Set(entries).size).to.equal(2);
  });

  it('forwards nothing to a backend that has not come, or has not applied, or refuses it', () => {
    const waiting = pairing('home', 1, { forwards: paired('home', 1, ['443/tcp']).forwards });
    expect(elements(relayState([waiting]))).to.deep.equal([OWN_TUNNEL]);
    const unapplied = { ...paired('home', 1, ['443/tcp']), applied: null };
    expect(elements(relayState([unapplied]))).to.deep.equal([OWN_TUNNEL]);
    const some = paired('home', 1, ['22/tcp', '443/tcp']);
    const applied = some.applied === null ? null : { ...some.applied, refused: [{ spec: '22/tcp', reason: 'SSH' }] };
    const forwarded = elements(relayState([{ ...some, applied }])).filter((line) => line.startsWith('any4'));
    expect(forwarded).to.deep.equal(['any4 { tcp . 443 : 10.77.16.2 . 443 }']);
  });

  it('sends no IPv6 clients to a backend that does not speak it, nor where the relay does not', () => {
    const some = paired('home', 1, ['443/tcp', '[2001:db8::1]:80/tcp']);
    const applied = some.applied === null ? null : { ...some.applied, ipv6: false };
    const four = ['any4 { tcp . 443 : 10.77.16.2 . 443 }', 'bytes-in4 { 10.77.16.2 . tcp . 443 }'];
    const toBackend = elements(relayState([{ ...some, applied }]));
    expect(toBackend).to.include.members(four);
    expect(toBackend.filter((line) => line.includes('fd77') || line.includes('3fff'))).to.deep.equal([]);
    const alone: RelayFacts = { ...FACTS, families: ['ipv4'] };
    const here = relayState([some]);
    expect(elements(here, alone)).to.deep.equal(toBackend);
    expect(lines(here, alone).filter((line) => line.includes('ipv6') || line.includes('address fd77'))).to.deep.equal(
      [],
    );
  });

  it('leaves a port to SSH that moved to it, TCP alone, also out of a range', () => {
    const spared: RelayFacts = { ...FACTS, families: ['ipv4'], sshPorts: [2222, 5022] };
    expect(led(['2222/tcp+udp', '443/tcp'], spared)).to.have.members([
      'any4 { udp . 2222 : 10.77.16.2 . 2222 }',
      'any4 { tcp . 443 : 10.77.16.2 . 443 }',
    ]);
    expect(led(['5000-5099/tcp+udp'], spared)).to.have.members([
      'any-range4 { tcp . 5000-5021 : 10.77.16.2 }',
      'any-range4 { tcp . 5023-5099 : 10.77.16.2 }',
      'any-range4 { udp . 5000-5099 : 10.77.16.2 }',
    ]);
    expect(led(['5021-5023=6021-6023/tcp'], spared)).to.deep.equal([
      'any4 { tcp . 5021 : 10.77.16.2 . 6021 }',
      'any4 { tcp . 5023 : 10.77.16.2 . 6023 }',
    ]);
  });

  it('keeps advertised routes before it becomes a router', () => {
    const facts: RelayFacts = { ...FACTS, forwarding: { ...FACTS.forwarding, advertised: ['eth0'] } };
    expect(lines(relayState(), facts).filter((line) => line.startsWith('sysctl '))).to.deep.equal([
      'sysctl net/ipv4/conf/all/send_redirects 0',
      'sysctl net/ipv4/ip_forward 1',
      'sysctl net/ipv6/conf/eth0/accept_ra 2',
      'sysctl net/ipv6/conf/all/forwarding 1',
    ]);
  });

  it('has the skeleton depend on the guarded links alone', () => {
    const skeleton = (state: State, ipv4: readonly string[], ipv6: readonly string[] = []) => {
      const forwarding = { ...FACTS.forwarding, guarded: { ipv4, ipv6 } };
      return textAt(relayHostState(state, { ...FACTS, forwarding }), 'table inet homeward_relay');
    };
    const some = relayState([paired('home', 1, ['443/tcp', '1024-65535/udp'])]);
    expect(skeleton(relayState(), ['eth0'])).to.equal(skeleton(some, ['eth0']));
    expect(skeleton(some, [])).to.not.equal(skeleton(some, ['eth0']));
    expect(skeleton(some, [], ['eth0'])).to.not.equal(skeleton(some, ['eth0']));
  });

  describe('with tunnels of other kinds', () => {
    const TUN = { ipv4: parseIpv4('10.8.0.1'), ipv6: parseIpv6('fd00:8::1'), mtu: 1400 };
    const facts: RelayFacts = { ...FACTS, devices: { tun0: TUN } };
    const behind = (ipv4: string | null, ipv6: string | null, forwards = ['443/tcp']) =>
      throughDevice(paired('home', 1, forwards), 'tun0', { ipv4, ipv6 });
    const tunnels = (state: State) => elements(state, facts).filter((line) => /^(tunnels|shared)/.test(line));
    const skeletonOf = (state: State) => relayHostState(state, facts).get('table inet homeward_relay');

    it('leads by GRE as by WireGuard, by a link of its own', () => {
      const state = relayState([throughGre(paired('home', 1, ['443/tcp']))]);
      expect(lines(state)).to.deep.equal([
        'link hwg1 gre remote 203.0.113.9 local 198.51.100.1 mtu 1476 up',
        'address 10.77.16.1/32 dev hwg1',
        'route 10.77.16.2 table 254 dev hwg1',
        'address fd77:16::1/128 dev hwg1',
        'route -6 fd77:16::2 table 254 dev hwg1',
        'sysctl net/ipv4/ip_forward 1',
        'sysctl net/ipv6/conf/all/forwarding 1',
        'rule pref 5150 iif lo ipproto tcp sport 443 blackhole',
        'rule -6 pref 5150 iif lo ipproto tcp sport 443 blackhole',
        'table inet homeward_relay skeleton',
      ]);
      expect(elements(state)).to.have.members([
        ...elements(relayState([paired('home', 1, ['443/tcp'])])),
        'tunnels { hwg1 }',
      ]);
    });

    it('filters what comes by a link of its own before the backend has said anything', () => {
      const waiting = { ...throughGre(paired('home', 1, ['443/tcp'])), applied: null };
      expect(lines(relayState([waiting]))[0]).to.match(/^link hwg1 /);
      expect(elements(relayState([waiting]))).to.have.members([OWN_TUNNEL, 'tunnels { hwg1 }']);
    });

    it("leads to a backend's address on a device that is not ours, and filters nothing else there", () => {
      const state = relayState([behind('10.8.0.2', 'fd00:8::2')]);
      expect(lines(state, facts).filter((line) => /^(link|address|route|wireguard)/.test(line))).to.deep.equal([]);
      expect(elements(state, facts)).to.have.members([
        OWN_TUNNEL,
        'shared4 { tun0 . 10.8.0.2 }',
        'shared6 { tun0 . fd00:8::2 }',
        'exact4 { 192.0.2.1 . tcp . 10001 : 10.8.0.2 . 40404 }',
        'exact4 { 192.0.2.1 . udp . 10001 : 10.8.0.2 . 40404 }',
        'exact6 { 3fff:770::1 . tcp . 10001 : fd00:8::2 . 40404 }',
        'exact6 { 3fff:770::1 . udp . 10001 : fd00:8::2 . 40404 }',
        'any4 { tcp . 443 : 10.8.0.2 . 443 }',
        'any6 { tcp . 443 : fd00:8::2 . 443 }',
        'bytes-in4 { 10.8.0.2 . tcp . 443 }',
        'bytes-out4 { 10.8.0.2 . tcp . 443 }',
        'bytes-in6 { fd00:8::2 . tcp . 443 }',
        'bytes-out6 { fd00:8::2 . tcp . 443 }',
      ]);
    });

    it('leads nobody in a family that one of the two devices does not have, nor anywhere while it is away', () => {
      const four = elements(relayState([behind('10.8.0.2', null)]), facts);
      expect(four).to.include('any4 { tcp . 443 : 10.8.0.2 . 443 }');
      expect(four.filter((line) => /6 \{/.test(line))).to.deep.equal([]);
      expect(elements(relayState([behind('10.8.0.2', 'fd00:8::2')]), FACTS)).to.deep.equal([OWN_TUNNEL]);
      expect(elements(relayState([behind(null, null)]), facts)).to.deep.equal([OWN_TUNNEL]);
    });

    it('keeps WireGuard for a backend that may go back to it, and no other tunnel', () => {
      const trial = { ...throughGre(paired('home', 1, [])), fallback: fallbackTo({ kind: 'wireguard' }) };
      const both = lines(relayState([trial]));
      expect(both).to.include.members([
        'wireguard hw0 key WG port 51820; peer WG-home allowed 10.77.16.2/32,fd77:16::2/128',
        'link hwg1 gre remote 203.0.113.9 local 198.51.100.1 mtu 1476 up',
      ]);
      const back = { ...paired('home', 1, []), outer: trial.outer, fallback: fallbackTo(trial.tunnel) };
      expect(lines(relayState([back])).filter((line) => line.startsWith('link '))).to.deep.equal([
        'link hw0 wireguard mtu 1420 up',
      ]);
      expect(tunnels(relayState([back]))).to.deep.equal([OWN_TUNNEL]);
    });

    it('is as it was before a change once that is gone back, settled or not', () => {
      const before = paired('home', 1, ['443/tcp']);
      const gone = { ...before, fallback: fallbackTo(before.tunnel, before.applied) };
      expect(lines(relayState([gone]))).to.deep.equal(lines(relayState([before])));
    });

    it('listens for the port of a backend whose GRE comes in UDP, by IPv4 alone', () => {
      const udp = (remote: string) => {
        const one = throughGre(paired('home', 1, []), { udp: true, key: 4711 });
        return relayState([{ ...one, outer: { local: '198.51.100.1', remote, port: null } }]);
      };
      const body = (state: State) => {
        const table = skeletonOf(state);
        if (table?.kind !== 'nft-table') throw new Error('there is no table');
        return table.body.split('\n').filter((line) => line.includes('mapping-'));
      };
      expect(body(udp('203.0.113.9'))).to.deep.equal([
        'set mapping-1 { type ipv4_addr . inet_service; size 64; flags dynamic, timeout; timeout 60s; }',
        'ip saddr 203.0.113.9 udp dport 7700 @th,96,32 4711 update @mapping-1 { ip saddr . udp sport }',
      ]);
      expect(body(udp('2001:db8:1::9'))).to.deep.equal([]);
      expect(body(relayState([throughGre(paired('home', 1, []), { key: 4711 })]))).to.deep.equal([]);
      expect(lines(udp('203.0.113.9'))).to.include('fou port 7700');
    });

    it('sets up backends of all kinds beside each other', () => {
      const state = relayState([
        paired('a', 1, ['1001/tcp']),
        throughGre(paired('b', 2, ['1002/tcp'])),
        throughDevice(paired('c', 3, ['1003/tcp']), 'tun0', { ipv4: '10.8.0.2', ipv6: null }),
      ]);
      expect(tunnels(state)).to.have.members([OWN_TUNNEL, 'tunnels { hwg2 }', 'shared4 { tun0 . 10.8.0.2 }']);
      expect(elements(state, facts).filter((line) => line.startsWith('any4'))).to.deep.equal([
        'any4 { tcp . 1001 : 10.77.16.2 . 1001 }',
        'any4 { tcp . 1002 : 10.77.16.3 . 1002 }',
        'any4 { tcp . 1003 : 10.8.0.2 . 1003 }',
      ]);
    });
  });

  it('offers a backend its own addresses and key, in a form the wire takes', () => {
    const key = `${'A'.repeat(43)}=`;
    const wireguard = { publicKey: key, privateKey: 'WG-PRIVATE', port: 51_820 };
    const one = { ...paired('home', 1, ['443/tcp']), presharedKey: key };
    const tunnel = tunnelOffer(relayState([one], { wireguard }), one, FACTS);
    expect(tunnel).to.deep.equal({
      kind: 'wireguard',
      relayPublicKey: key,
      presharedKey: key,
      endpointPort: 51_820,
      relayAddress: '10.77.16.1',
      backendAddress: '10.77.16.2',
      relayAddress6: 'fd77:16::1',
      backendAddress6: 'fd77:16::2',
      mtu: 1420,
    });
    const offer = { type: 'offer', revision: 1, tunnel, forwards: ['443/tcp'] };
    expect(offerSchema.safeParse(offer).success).to.equal(true);
    // A compared address has one text only.
    const shouted = { ...tunnel, backendAddress6: 'FD77:16::2' };
    expect(offerSchema.safeParse({ ...offer, tunnel: shouted }).success).to.equal(false);
  });
});
