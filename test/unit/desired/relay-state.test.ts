/** What should be in a relay's kernel for its pairings. */

import { echoEntryPort, relayHostState, tunnelOffer } from '@homeward/controller/desired/relay-state';
import { offerSchema } from '@homeward/shared/protocol/messages';
import { textOf } from '@homeward/shared/state/describe';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { paired, pairing, relayState } from '../store/relay-states.js';

const FACTS = { mtu: 1420, guardedLinks: ['eth0', 'eth1'], sshPorts: [] as readonly number[] };

function lines(state: ReturnType<typeof relayState>, facts = FACTS): string[] {
  return [...relayHostState(state, facts)].map(([key, resource]) =>
    `${key} ${textOf(resource).replace(/skeleton .*/, 'skeleton')}`.trimEnd(),
  );
}
const elements = (state: ReturnType<typeof relayState>) =>
  lines(state).flatMap((line) => (line.startsWith('element') ? [line.replace('element homeward_relay ', '')] : []));

describe('desired/relay-state', () => {
  it('is, for one backend with two forwards, this', () => {
    const state = relayState([paired('home', 1, ['443/tcp', '198.51.100.1:53=5353/udp'])]);
    expect(lines(state)).to.deep.equal([
      'link hw0 wireguard mtu 1420 up',
      'wireguard hw0 key WG port 51820; peer WG-home allowed 10.77.16.2/32',
      'address 10.77.16.1/20 dev hw0',
      'sysctl net/ipv4/ip_forward 1',
      'table inet homeward_relay skeleton',
      'element homeward_relay exact4 { 192.0.2.1 . tcp . 10001 } 10.77.16.2 . 40404',
      'element homeward_relay exact4 { 192.0.2.1 . udp . 10001 } 10.77.16.2 . 40404',
      'element homeward_relay any4 { tcp . 443 } 10.77.16.2 . 443',
      'element homeward_relay bytes-in { 10.77.16.2 . tcp . 443 }',
      'element homeward_relay bytes-out { 10.77.16.2 . tcp . 443 }',
      'element homeward_relay exact4 { 198.51.100.1 . udp . 53 } 10.77.16.2 . 5353',
      'element homeward_relay bytes-in { 10.77.16.2 . udp . 5353 }',
      'element homeward_relay bytes-out { 10.77.16.2 . udp . 5353 }',
    ]);
  });

  it('shifts ranges port by port', () => {
    const state = relayState([paired('home', 1, ['8000-8002=9000-9002/tcp'])]);
    expect(elements(state).filter((line) => line.startsWith('any4'))).to.deep.equal([
      'any4 { tcp . 8000 } 10.77.16.2 . 9000',
      'any4 { tcp . 8001 } 10.77.16.2 . 9001',
      'any4 { tcp . 8002 } 10.77.16.2 . 9002',
    ]);
  });

  it('keeps backends apart: addresses, echo ports, allowed addresses', () => {
    const state = relayState([paired('home', 1, ['443/tcp']), paired('nas', 7, ['80/tcp'])]);
    const all = lines(state).join('\n');
    expect(all).to.include('peer WG-home allowed 10.77.16.2/32; peer WG-nas allowed 10.77.16.8/32');
    expect(all).to.include('any4 { tcp . 80 } 10.77.16.8 . 80');
    const entries = state.pairings.map(echoEntryPort);
    expect(new Set(entries).size).to.equal(2);
  });

  it('forwards nothing to a backend that has not come, or has not applied, or refuses it', () => {
    expect(elements(relayState([pairing('home', 1, { forwards: ['443/tcp'] })]))).to.deep.equal([]);
    const unapplied = { ...paired('home', 1, ['443/tcp']), applied: null };
    expect(elements(relayState([unapplied]))).to.deep.equal([]);
    const some = paired('home', 1, ['22/tcp', '443/tcp']);
    const applied = some.applied === null ? null : { ...some.applied, refused: [{ spec: '22/tcp', reason: 'SSH' }] };
    const forwarded = elements(relayState([{ ...some, applied }])).filter((line) => line.startsWith('any4'));
    expect(forwarded).to.deep.equal(['any4 { tcp . 443 } 10.77.16.2 . 443']);
  });

  it('leaves a port to SSH that moved to it, TCP alone', () => {
    const state = relayState([paired('home', 1, ['2222/tcp+udp', '443/tcp'])]);
    const any4 = lines(state, { ...FACTS, sshPorts: [2222] }).filter((line) => line.includes(' any4 '));
    expect(any4).to.deep.equal([
      'element homeward_relay any4 { udp . 2222 } 10.77.16.2 . 2222',
      'element homeward_relay any4 { tcp . 443 } 10.77.16.2 . 443',
    ]);
  });

  it('has the skeleton depend on the guarded links alone', () => {
    const skeleton = (state: ReturnType<typeof relayState>, guardedLinks: readonly string[]) => {
      const table = relayHostState(state, { ...FACTS, guardedLinks }).get('table inet homeward_relay');
      return table === undefined ? '' : textOf(table);
    };
    const some = relayState([paired('home', 1, ['443/tcp'])]);
    expect(skeleton(relayState(), ['eth0'])).to.equal(skeleton(some, ['eth0']));
    expect(skeleton(some, [])).to.not.equal(skeleton(some, ['eth0']));
  });

  it('offers a backend its own address and key, in a form the wire takes', () => {
    const key = `${'A'.repeat(43)}=`;
    const wireguard = { publicKey: key, privateKey: 'WG-PRIVATE', port: 51_820 };
    const one = { ...paired('home', 1, ['443/tcp']), presharedKey: key };
    const tunnel = tunnelOffer(relayState([one], { wireguard }), one, 1420);
    expect(tunnel).to.deep.equal({
      kind: 'wireguard',
      relayPublicKey: key,
      presharedKey: key,
      endpointPort: 51_820,
      relayAddress: '10.77.16.1',
      backendAddress: '10.77.16.2',
      mtu: 1420,
    });
    expect(offerSchema.safeParse({ type: 'offer', revision: 1, tunnel, forwards: ['443/tcp'] }).success).to.equal(true);
  });
});
