/** What is asked of a tunnel, in full, and another tunnel for a pairing: what stands in its way, and what is gone back to. */

import {
  isChange,
  type TunnelWish,
  tunnelOf,
  withTunnel as withTunnelGuarded,
} from '@homeward/controller/operations/tunnel';
import { addPairing, pairingNamed } from '@homeward/controller/store/pairings';
import { isSameTunnel, withChangesSettled } from '@homeward/controller/store/tunnel-changes';
import { parseForward } from '@homeward/shared/net/forward-spec';
import { type TunnelSpec, tunnelSpec } from '@homeward/shared/tunnel/tunnel-spec';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { thrownBy } from '../errors/thrown.js';
import { paired, pairing, relayState, throughGre } from '../store/relay-states.js';

const wish = (kind: TunnelWish['kind'], more: Partial<TunnelWish> = {}): TunnelWish => ({
  ...{ kind, udp: false, key: null, device: null },
  ...more,
});
const IN_UDP: TunnelSpec = { kind: 'gre', udp: true, key: 4711 };
const PLAIN: TunnelSpec = { kind: 'gre', udp: false, key: null };
const GUARDED = { change: 'c0ffee', confirmMs: 30_000 };
const withTunnel = (state: ReturnType<typeof relayState>, name: string, tunnel: TunnelSpec) => {
  const isGuarded = isChange(pairingNamed(state, name), tunnel);
  return withTunnelGuarded(state, name, tunnel, isGuarded ? GUARDED : null);
};
const home = (state: ReturnType<typeof relayState>) => pairingNamed(state, 'home');

describe('operations/tunnel', () => {
  it('makes of a wish a tunnel that can be stored', () => {
    const anyWish = fc.record({
      kind: fc.constantFrom('wireguard' as const, 'gre' as const, 'external' as const),
      udp: fc.boolean(),
      key: fc.option(fc.integer({ min: 0, max: 0xffff_ffff })),
      device: fc.constant('tun0'),
    });
    fc.assert(
      fc.property(anyWish, (asked) => {
        const made = tunnelOf(asked, null);
        expect(tunnelSpec.parse(JSON.parse(JSON.stringify(made)))).to.deep.equal(made);
        expect(made.kind).to.equal(asked.kind);
        if (made.kind === 'gre') expect(made.udp).to.equal(asked.udp);
        if (made.kind === 'gre' && asked.key !== null) expect(made.key).to.equal(asked.key);
      }),
    );
  });

  it('chooses a key where backends are told apart by it, and none where it is not asked for', () => {
    const chosen = Array.from({ length: 4 }, () => tunnelOf(wish('gre', { udp: true }), null));
    const keys = chosen.map((spec) => (spec.kind === 'gre' ? spec.key : null));
    expect(keys.every((key) => key !== null && key >= 1 && key <= 0xffff_ffff)).to.equal(true);
    expect(new Set(keys).size).to.be.above(1);
    expect(tunnelOf(wish('gre'), null)).to.deep.equal(PLAIN);
  });

  it('keeps the key of an earlier tunnel of the same kind, so that asking again changes nothing', () => {
    expect(tunnelOf(wish('gre', { udp: true }), IN_UDP)).to.deep.equal(IN_UDP);
    expect(tunnelOf(wish('gre', { udp: true, key: 5 }), IN_UDP)).to.deep.equal({ ...IN_UDP, key: 5 });
    expect(tunnelOf(wish('gre'), IN_UDP)).to.deep.equal(PLAIN);
    const keyed: TunnelSpec = { ...PLAIN, key: 7 };
    expect(tunnelOf(wish('gre'), keyed)).to.deep.equal(keyed);
    expect(isSameTunnel(tunnelOf(wish('gre', { udp: true }), IN_UDP), tunnelSpec.parse(IN_UDP))).to.equal(true);
  });

  it('asks for the device of an external tunnel', () => {
    expect(tunnelOf(wish('external', { device: 'tun0' }), null)).to.deep.equal({ kind: 'external', device: 'tun0' });
    expect(thrownBy(() => tunnelOf(wish('external'), null))).to.include({ code: 'bad-input' });
  });

  it('remembers the tunnel that services run through, and what the backend had done with it', () => {
    const before = relayState([{ ...paired('home', 1, ['443/tcp']), proof: { ok: true, at: 'then' } }]);
    const tried = withTunnel(before, 'home', PLAIN);
    expect(home(tried)).to.deep.include({
      ...{ tunnel: PLAIN, applied: null, proof: null, revision: 2 },
      fallback: { tunnel: { kind: 'wireguard' }, applied: home(before).applied, ...GUARDED },
      forwards: home(before).forwards,
    });
  });

  it('tries one change at a time, and none without a guard', () => {
    const before = relayState([paired('home', 1, ['443/tcp'])]);
    const tried = withTunnel(before, 'home', PLAIN);
    for (const next of [IN_UDP, PLAIN, home(before).tunnel]) {
      expect(thrownBy(() => withTunnelGuarded(tried, 'home', next, GUARDED))).to.include({
        code: 'conflict',
        message: 'a change of the tunnel of backend "home" waits to be confirmed',
      });
    }
    expect(home(withTunnel(withChangesSettled(tried, 'c0ffee'), 'home', IN_UDP))).to.deep.include({ tunnel: IN_UDP });
    expect(thrownBy(() => withTunnelGuarded(before, 'home', PLAIN, null))).to.include({ code: 'conflict' });
  });

  it('goes back to nothing where none has held yet', () => {
    expect(home(withTunnel(relayState([pairing('home', 1)]), 'home', PLAIN)).fallback).to.equal(null);
    expect(home(withTunnel(addPairing(relayState(), 'home', 'S'), 'home', IN_UDP))).to.deep.include({ tunnel: IN_UDP });
  });

  it('changes nothing for the tunnel there is', () => {
    const state = relayState([throughGre(paired('home', 1, []), IN_UDP)]);
    expect(withTunnel(state, 'home', { key: 4711, udp: true, kind: 'gre' } as TunnelSpec)).to.equal(state);
    expect(withTunnel(state, 'home', IN_UDP)).to.equal(state);
  });

  it('leaves other pairings as they are', () => {
    const state = relayState([paired('home', 1, []), paired('nas', 2, [])]);
    expect(pairingNamed(withTunnel(state, 'home', PLAIN), 'nas')).to.equal(state.pairings[1]);
  });

  it("does not take the port of GRE in UDP from a forward, whoever's it is", () => {
    const state = (spec: string) => relayState([pairing('home', 1), paired('nas', 2, [spec])]);
    for (const spec of ['7700/udp', '7000-7999/tcp+udp', '7700=53/udp']) {
      expect(thrownBy(() => withTunnel(state(spec), 'home', IN_UDP))).to.include({
        code: 'conflict',
        message: `GRE in UDP needs port 7700/udp, which is forwarded to nas (${parseForward(spec).spec})`,
        hint: `free it: controller forward remove nas ${parseForward(spec).spec}`,
      });
      withTunnel(state(spec), 'home', PLAIN);
    }
    for (const spec of ['7700/tcp', '7701/udp', '53=7700/udp']) withTunnel(state(spec), 'home', IN_UDP);
  });

  it('does not take it from WireGuard either', () => {
    const wireguard = { publicKey: 'WG', privateKey: 'WG-PRIVATE', port: 7700 };
    const state = relayState([pairing('home', 1)], { wireguard });
    expect(thrownBy(() => withTunnel(state, 'home', IN_UDP))).to.include({
      code: 'conflict',
      hint: 'start the controller with another --wireguard-port',
    });
    withTunnel(state, 'home', PLAIN);
  });

  it('gives no two backends one key on the shared port', () => {
    const state = relayState([pairing('home', 1), throughGre(paired('nas', 2, []), IN_UDP)]);
    expect(thrownBy(() => withTunnel(state, 'home', IN_UDP))).to.include({
      code: 'conflict',
      message: 'the key 4711 is that of backend "nas"',
    });
    withTunnel(state, 'home', { ...IN_UDP, key: 4712 });
    withTunnel(state, 'home', { ...PLAIN, key: 4711 });
  });
});
