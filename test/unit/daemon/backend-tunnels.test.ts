/** Backends and their tunnels: what cannot be is not offered, and what a backend says of its addresses is not taken at its word. */

import { type Backends, createBackends } from '@homeward/controller/daemon/backends';
import { createChanges } from '@homeward/controller/daemon/changes';
import type { TunnelFacts } from '@homeward/controller/desired/pairing-tunnel';
import { withPairing } from '@homeward/controller/store/pairings';
import type { Pairing, RelayState } from '@homeward/controller/store/state';
import { withChangesSettled, withTunnelsBack } from '@homeward/controller/store/tunnel-changes';
import { openStore, type Store } from '@homeward/shared/host/store';
import { isBehind } from '@homeward/shared/kernel/uplink';
import { FAMILIES, parseIp, parseIpv4, parseIpv6 } from '@homeward/shared/net/address';
import type { Applied, Hello } from '@homeward/shared/protocol/messages';
import { generateKeyPair, type KeyPair } from '@homeward/shared/session/keys';
import type { TunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { pino } from 'pino';
import { recordedAudit } from '../audit/recorded.js';
import { snapshotOf } from '../kernel/snapshots.js';
import { eventually, online, type RawClient, type Rig, startRig } from '../server/rig.js';
import { fallbackTo, paired, pairing, relayState, throughDevice } from '../store/relay-states.js';

const EXTERNAL: TunnelSpec = { kind: 'external', device: 'tun0' };
const TUN = { ipv4: parseIpv4('10.8.0.1'), ipv6: parseIpv6('fd00:8::1'), mtu: 1400 };
const MACHINE = snapshotOf({ eth0: ['198.51.100.1/24'], tun0: ['10.8.0.1/24', 'fd00:8::1/64'] }, [
  ...['default eth0', '198.51.100.0/24 eth0', '10.8.0.0/24 tun0', 'fd00:8::/64 tun0'],
]);
const other = throughDevice(paired('nas', 2, ['80/tcp']), 'tun0', { ipv4: '10.8.0.9', ipv6: 'fd00:8::9' });

describe('daemon/backends and their tunnels', () => {
  let rig: Rig;
  let agent: KeyPair;
  let store: Store<RelayState>;
  let backends: Backends;
  let facts: TunnelFacts;

  beforeEach(async () => {
    facts = { uplinkMtu: 1500, families: FAMILIES, devices: { tun0: TUN } };
    agent = generateKeyPair();
    const key = () => generateKeyPair().publicKey;
    const wireguard = { publicKey: key(), privateKey: 'PRIVATE', port: 51_820 };
    const home = pairing('home', 1, { agentKey: agent.publicKey, presharedKey: key() });
    const first = relayState([home, other], { wireguard });
    store = await openStore<RelayState>({ read: async () => first, write: async () => undefined }, async () => first);
    backends = createBackends({
      audit: recordedAudit().log.by({ actor: 'agent' }),
      ...{ store, changes: createChanges(), logger: pino({ level: 'silent' }), reconcile: async () => undefined },
      tunnelFacts: () => facts,
      isBehind: (device, address) => isBehind(MACHINE, device, address),
    });
    rig = await startRig({ onSession: backends.attach });
    rig.authority.names.set(agent.publicKey, 'home');
  });
  afterEach(() => rig.close());

  const home = (): Pairing => {
    const found = store.state().pairings.find(({ name }) => name === 'home');
    if (found === undefined) throw new Error('the pairing is gone');
    return found;
  };
  /** The backend comes, to a relay that wants that tunnel for it. */
  async function comeWith(tunnel: TunnelSpec, hello: Partial<Hello> = {}): Promise<RawClient> {
    await store.update((state) => ({ state: withPairing(state, { ...home(), tunnel }), result: null }));
    const capabilities = ['wireguard', 'gre', 'gre-udp', 'external'];
    return online(rig, agent, 'boot-a', { capabilities, outerAddress: parseIp('127.0.0.1'), ...hello });
  }
  const say = (client: RawClient, addresses: Applied['addresses']) =>
    client.send({
      ...{ type: 'applied', revision: 1, ok: true, reason: null, refused: [], device: 'tun0', implementation: null },
      ...{ addresses: addresses ?? null, ipv6: true, echoPort: 40_404 },
    });
  const failed = () => eventually('the failure is known', () => backends.failure('home') !== null);

  it("are offered the addresses of the relay's device, and led to what they have on theirs", async () => {
    const client = await comeWith(EXTERNAL);
    const offer = await client.next('offer');
    expect(offer.type === 'offer' ? offer.tunnel : null).to.deep.equal({
      ...{ kind: 'external', relayAddress: '10.8.0.1', relayAddress6: 'fd00:8::1' },
    });
    say(client, { ipv4: '10.8.0.2', ipv6: null });
    await eventually('it is applied', () => home().applied !== null);
    expect(home().applied?.addresses).to.deep.equal({ ipv4: '10.8.0.2', ipv6: null });
  });

  it('are not led to an address that is not behind the device, nor to one of the relay or of another backend', async () => {
    const client = await comeWith(EXTERNAL);
    await client.next('offer');
    const claims = [
      { ipv4: '203.0.113.9', ipv6: null },
      { ipv4: '10.9.0.2', ipv6: null },
      { ipv4: '10.8.0.1', ipv6: null },
      { ipv4: '10.8.0.9', ipv6: null },
      { ipv4: '10.8.0.2', ipv6: '2001:db8::9' },
      { ipv4: '10.8.0.2', ipv6: 'fd00:8::1' },
      { ipv4: null, ipv6: 'fd00:8::9' },
    ];
    for (const { ipv4, ipv6 } of claims) {
      backends.offer('home');
      await client.next('offer');
      say(client, { ipv4, ipv6: ipv6 === null ? null : parseIpv6(ipv6) });
      await failed();
      expect(backends.failure('home')).to.match(/^it claims the address \S+, which is not behind the relay's device$/);
      expect([home().applied, backends.hasAnswered('home')]).to.deep.equal([null, true]);
    }
  });

  it('take nothing from others by addresses that their own tunnel has no need of', async () => {
    const client = await comeWith({ kind: 'wireguard' });
    await client.next('offer');
    say(client, { ipv4: '10.8.0.9', ipv6: parseIpv6('fd00:8::9') });
    await eventually('it is applied', () => home().applied !== null);
    expect(home().applied?.addresses).to.equal(null);
  });

  it('are offered nothing that cannot be, and are not waited for', async () => {
    const cases: readonly [TunnelSpec, RegExp, Partial<Hello>][] = [
      [{ kind: 'external', device: 'tun1' }, /no device tun1/, {}],
      [EXTERNAL, /knows no such tunnel/, { capabilities: ['wireguard'] }],
      [
        { kind: 'gre', udp: false, key: null },
        /is behind NAT: it calls from 192\.168\.1\.2/,
        { outerAddress: parseIp('192.168.1.2') },
      ],
    ];
    for (const [tunnel, reason, hello] of cases) {
      const client = await comeWith(tunnel, hello);
      await failed();
      expect(backends.failure('home')).to.match(reason);
      backends.offer('home');
      expect(backends.hasAnswered('home')).to.equal(true);
      expect(client.messages.filter(({ type }) => type === 'offer')).to.deep.equal([]);
      client.socket.close();
      await eventually('it is gone', () => !backends.isOnline('home'));
    }
  });

  it('are given the time of a change that has to be confirmed, and hear when it is, if they know of such', async () => {
    const change = async (changed: (state: RelayState) => RelayState) =>
      store.update((state) => ({ state: changed(state), result: null }));
    const offeredTime = async (client: RawClient) => {
      const offer = await client.next('offer');
      return offer.type === 'offer' ? [offer.tunnel.kind, offer.confirmWithinMs] : null;
    };
    for (const capability of ['confirm', 'older']) {
      const isTold = capability === 'confirm';
      await change((state) => withPairing(state, { ...home(), fallback: fallbackTo({ kind: 'wireguard' }) }));
      const client = await comeWith(EXTERNAL, { capabilities: ['wireguard', 'external', capability] });
      expect(await offeredTime(client)).to.deep.equal(['external', isTold ? 30_000 : undefined]);
      backends.confirm('home');
      if (isTold) expect(await client.next('confirmed')).to.deep.equal({ type: 'confirmed', revision: 1 });
      await change((state) => withTunnelsBack(state, null));
      backends.offer('home');
      expect(await offeredTime(client), 'what is gone back to holds at once').to.deep.equal(['wireguard', undefined]);
      expect(client.messages.filter(({ type }) => type === 'confirmed')).to.deep.equal([]);
      client.socket.close();
      await eventually('it is gone', () => !backends.isOnline('home'));
      await change((state) => withPairing(withChangesSettled(state, null), { ...home(), fallback: null, revision: 1 }));
    }
  });

  it('are known to be where their session comes from, which GRE goes to', async () => {
    const client = await comeWith({ kind: 'gre', udp: false, key: 7 });
    const offer = await client.next('offer');
    expect(offer.type === 'offer' ? offer.tunnel : null).to.include({ kind: 'gre', key: 7, udpPort: null, mtu: 1472 });
    expect(home().outer).to.deep.equal({ local: '127.0.0.1', remote: '127.0.0.1', port: null });
  });
});
